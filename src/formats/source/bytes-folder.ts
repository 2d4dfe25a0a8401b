// Owns a folder in memory, as bytes-source is a file in memory: for snapshots that were never on a disk. Knows no format.
import { SnapError } from '../../errors.ts'
import type { Folder } from './folder.ts'
import { bytesSource } from './source.ts'

/** A folder of these files, by relative path with `/`. */
export function bytesFolder(files: Readonly<Record<string, Uint8Array>>, name = 'folder'): Folder {
  const paths = Object.keys(files)
  return {
    name,
    async list(under = '') {
      const prefix = under === '' ? '' : `${under}/`
      const inside = paths.filter(path => path.startsWith(prefix)).map(path => path.slice(prefix.length))
      if (inside.length === 0) throw new SnapError('CANNOT_READ', `cannot read ${name}/${under}: there is no such file`, { file: `${name}/${under}` })
      return [...new Set(inside.map(path => path.replace(/\/.*$/, '/')))].sort()
    },
    has: async path => Object.hasOwn(files, path),
    async open(path) {
      const bytes = Object.hasOwn(files, path) ? files[path] : undefined
      if (!bytes) throw new SnapError('CANNOT_READ', `cannot read ${name}/${path}: there is no such file`, { file: `${name}/${path}` })
      return bytesSource(bytes, `${name}/${path}`)
    },
    close: async () => {},
  }
}
