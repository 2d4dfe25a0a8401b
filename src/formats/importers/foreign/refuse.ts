// Owns the plain refusal of what is recognised but not read (known.ts), and the answer to a folder that is no snapshot. Loaded only then.
import { join } from 'node:path'
import { SnapError } from '../../../errors.ts'
import type { Folder } from '../../source/folder.ts'
import type { Source } from '../../source/source.ts'
import { type Importer, SNIFF_BYTES } from '../importer.ts'
import { FOREIGN_FILES, FOREIGN_FOLDERS } from './known.ts'

/** Throws FORMAT_FOREIGN with what it is and what to do when the file is known by name; returns when it is not. */
export async function refuseForeign({ name }: Source, head: Uint8Array): Promise<void> {
  const known = FOREIGN_FILES.find(file => file.matches(head, name))
  if (known) throw new SnapError('FORMAT_FOREIGN', `${name} is ${known.name}`, { file: name }, { hint: known.hint })
}

/** How many files of an unknown folder are looked at for a hint. */
const LOOKED_AT = 64

/** Throws FORMAT_FOREIGN for a folder known by name, FORMAT_UNKNOWN with the files in it that could be named instead. */
export async function refuseForeignFolder(folder: Folder, importers: readonly Importer[]): Promise<never> {
  const names = await folder.list()
  const known = FOREIGN_FOLDERS.find(kind => kind.matches(new Set(names)))
  if (known) throw new SnapError('FORMAT_FOREIGN', `${folder.name} is ${known.name}`, { file: folder.name }, { hint: known.hint })
  const readable: string[] = []
  for (const name of names.filter(one => !one.endsWith('/')).slice(0, LOOKED_AT)) {
    const claimed = await firstClaim(folder, name, importers)
    if (claimed !== undefined) readable.push(`${join(folder.name, name)} (${claimed})`)
  }
  const shown = names.slice(0, 8).join(' ')
  const message = `${folder.name} is a folder that psci-snap does not know as a snapshot; it holds ${names.length === 0 ? 'nothing' : `${shown}${names.length > 8 ? ' …' : ''}`}`
  throw new SnapError(
    'FORMAT_UNKNOWN',
    message,
    { file: folder.name },
    readable.length === 0
      ? { hint: 'name a file, or the folder that holds state.json (Cloud Hypervisor), mem_metadata (crosvm) or state (StratoVirt)' }
      : { hint: `name the file: ${readable.slice(0, 4).join(', ')}` },
  )
}

async function firstClaim(folder: Folder, name: string, importers: readonly Importer[]): Promise<string | undefined> {
  try {
    if (!(await folder.has(name))) return undefined
    const source = await folder.open(name)
    try {
      const head = await source.head(SNIFF_BYTES)
      return importers.find(importer => importer.sniff(head))?.id
    } finally {
      await source.close()
    }
  } catch (error) {
    if (error instanceof SnapError) return undefined // a hint is not worth an error
    throw error
  }
}
