// Owns the files that outlive a boot, in one folder: what one kernel gave and another takes in.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Shelf } from './job.ts'

export function createShelf(folder: string): Shelf {
  mkdirSync(folder, { recursive: true })
  const find = (name: string): string | undefined => (existsSync(join(folder, name)) ? join(folder, name) : undefined)
  return {
    find,
    put(name, bytes) {
      const path = join(folder, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, bytes)
      return path
    },
    list: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(entry => relative(folder, join(entry.parentPath, entry.name)))
        .sort(),
  }
}
