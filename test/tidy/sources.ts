// Owns the list of files that the tidy tests judge. Tracked or new, never ignored ones.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const all = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter(file => file !== '' && existsSync(ROOT + file))

/** Paths from the root of the project that match. */
export const projectFiles = (matching: RegExp): string[] => all.filter(file => matching.test(file)).sort()

export const textOf = (file: string): string => readFileSync(ROOT + file, 'utf8')

/** The modules a source names in import, export … from and import(): as written. */
export const importsOf = (file: string): string[] => importsIn(textOf(file))

export const importsIn = (code: string): string[] => [...code.matchAll(/(?:^|[\s;}(])(?:from|import)\s*\(?\s*'([^']+)'/g)].map(match => match[1]!)

/** The source without comments and without the text of plain strings: what is left is code. */
export const codeOf = (file: string): string =>
  textOf(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
