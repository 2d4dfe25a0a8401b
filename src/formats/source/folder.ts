// Owns reading a snapshot that is a folder: its names, bounded, and its files as Sources. Never follows a path out of the folder: a link that
// leads elsewhere is refused by name. Knows no format.
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { SnapError } from '../../errors.ts'
import { SOURCE_LIMITS } from './limits.ts'
import { cannotRead, fileSource } from './open.ts'
import type { Source } from './source.ts'

/** A folder of input files. Paths are relative, with `/`, and may not leave it. */
export interface Folder {
  /** For messages: the path as the user gave it. */
  readonly name: string
  /** Names directly in `under` (default: the folder itself), sorted; a folder's ends in `/`. Throws CANNOT_READ, LIMIT_EXCEEDED for too many. */
  list(under?: string): Promise<readonly string[]>
  /** True when a plain file, or a link to one in this folder, is there. */
  has(path: string): Promise<boolean>
  /**
   * Opens a file. Throws CANNOT_READ when it is missing, not a plain file, or a link that leads out of the folder. The source stays open until it
   * or the folder is closed.
   */
  open(path: string): Promise<Source>
  close(): Promise<void>
}

/** Opens a folder. Throws CANNOT_READ when `path` is none. */
export async function openFolder(path: string): Promise<Folder> {
  let root: string
  try {
    root = await realpath(path)
    await readdirSome(root, path)
  } catch (cause) {
    throw cause instanceof SnapError ? cause : cannotRead(path, cause)
  }
  const files = new Set<FileHandle>()
  const shown = (member: string): string => join(path, member)

  return {
    name: path,
    async list(under = '') {
      requireInner(under, path)
      try {
        return await readdirSome(await resolveInside(root, under, shown(under)), shown(under))
      } catch (cause) {
        throw cause instanceof SnapError ? cause : cannotRead(shown(under), cause)
      }
    },
    async has(member) {
      requireInner(member, path)
      try {
        return (await lstat(await resolveInside(root, member, shown(member)))).isFile()
      } catch (error) {
        if (error instanceof SnapError) throw error
        return false
      }
    },
    async open(member) {
      requireInner(member, path)
      if (files.size >= SOURCE_LIMITS.folderOpen)
        throw new SnapError('LIMIT_EXCEEDED', `more than ${SOURCE_LIMITS.folderOpen} files of ${path} are open`, { file: path })
      const { file, size } = await openPlainFile(root, member, shown(member))
      files.add(file)
      return {
        ...fileSource(file, shown(member), size),
        close: async () => {
          if (files.delete(file)) await file.close()
        },
      }
    },
    async close() {
      const all = [...files]
      files.clear()
      await Promise.all(all.map(file => file.close()))
    },
  }
}

/** The real path of a member. Throws CANNOT_READ when a link leads out of the folder, and what the system says when nothing is there. */
async function resolveInside(root: string, member: string, shown: string): Promise<string> {
  const real = await realpath(join(root, member))
  if (real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep))
    throw new SnapError(
      'CANNOT_READ',
      `${shown} is a link that leads out of the snapshot's folder`,
      { file: shown },
      { hint: 'put the file itself there if you trust it; psci-snap opens nothing outside the folder that you name' },
    )
  return real
}

/** No FIFO is waited for, no device is opened, and what is opened is what was looked at. */
async function openPlainFile(root: string, member: string, shown: string): Promise<{ readonly file: FileHandle; readonly size: number }> {
  let file: FileHandle | undefined
  try {
    const real = await resolveInside(root, member, shown)
    const before = await lstat(real)
    if (!before.isFile()) throw new SnapError('CANNOT_READ', `cannot read ${shown}: it is not a plain file`, { file: shown })
    file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const stat = await file.stat()
    if (stat.ino !== before.ino || stat.dev !== before.dev || !stat.isFile())
      throw new SnapError('CANNOT_READ', `cannot read ${shown}: it was replaced while it was opened`, { file: shown })
    return { file, size: stat.size }
  } catch (cause) {
    await file?.close()
    throw cause instanceof SnapError ? cause : cannotRead(shown, cause)
  }
}

async function readdirSome(real: string, shown: string): Promise<readonly string[]> {
  const names = (await readdir(real, { withFileTypes: true })).map(entry => (entry.isDirectory() ? `${entry.name}/` : entry.name))
  if (names.length > SOURCE_LIMITS.folderNames)
    throw new SnapError('LIMIT_EXCEEDED', `${shown} holds ${names.length} files; a snapshot has at most ${SOURCE_LIMITS.folderNames}`, { file: shown })
  return names.sort()
}

function requireInner(member: string, folder: string): void {
  if (member === '') return
  const parts = member.split('/')
  if (parts.length > SOURCE_LIMITS.folderDepth || parts.some(part => part === '' || part === '.' || part === '..' || /[\0\\]/.test(part)))
    throw new SnapError('CANNOT_READ', `${JSON.stringify(member.slice(0, 80))} is no path inside ${folder}`, { file: folder })
}
