// Owns the writing of a file again with other registers, and that it is never the input itself. The formats' editors keep everything else. Prints nothing.
import { stat } from 'node:fs/promises'
import { SnapError } from '../errors.ts'
import type { EditOptions, Editor, RegisterEdit } from '../formats/importers/editor.ts'
import { writeFileAtomically } from '../formats/output/atomic-file.ts'
import { type Sink, writeZeros } from '../formats/output/sink.ts'
import { openSource } from '../formats/source/open.ts'
import type { Source } from '../formats/source/source.ts'
import type { Finding } from '../model/finding.ts'
import { isAllZero } from '../model/memory.ts'
import { applyPatches } from '../model/patched-region.ts'
import type { MemoryFileEdit } from './hardware-signature.ts'
import type { InputOptions } from './input.ts'

/**
 * Writes `source` with these edits to `output`; undefined: makes every byte and keeps none, which finds what the format cannot hold. Without an edit it
 * is a copy. Throws OUTPUT_EXISTS, CANNOT_WRITE and what the editor throws.
 */
export async function writeEdited(
  source: Source,
  editor: Editor,
  edits: readonly RegisterEdit[],
  output: string | undefined,
  {
    signal,
    vmmVersion,
    overwrite = false,
    patches = [],
  }: Pick<InputOptions, 'signal' | 'vmmVersion'> & Pick<EditOptions, 'patches'> & { readonly overwrite?: boolean },
): Promise<readonly Finding[]> {
  const options = { ...(signal ? { signal } : {}), ...(vmmVersion === undefined ? {} : { vmmVersion }) }
  const write = (sink: Sink): Promise<readonly Finding[]> =>
    edits.length + patches.length === 0 ? copy(source, sink, signal) : editor.edit(source, edits, sink, { ...options, patches })
  const found = await (output === undefined ? write(NOWHERE) : writeFileAtomically(output, { ...options, force: overwrite }, write))
  if (!source.packed) return found
  return [{ severity: 'info', code: 'unwrapped', message: `the input was packed with ${source.packed.compression}; the output is not` }, ...found]
}

const NOWHERE: Sink = { async write() {}, async hole() {} }

async function copy(
  source: Source,
  sink: Sink,
  signal: AbortSignal | undefined,
  patches: readonly { readonly offset: number; readonly bytes: Uint8Array }[] = [],
): Promise<readonly Finding[]> {
  const piece = 1 << 20
  for (let at = 0; at < source.size; at += piece) {
    signal?.throwIfAborted()
    const bytes = await source.read(at, Math.min(piece, source.size - at))
    const whole = patches.length === 0 ? bytes : new Uint8Array(bytes)
    applyPatches(whole, at, patches)
    if (isAllZero(whole)) await writeZeros(sink, whole.length)
    else await sink.write(whole)
  }
  return []
}

/** Writes a file with guest memory again, with some bytes changed; `and` comes before the file appears. Throws as writeEdited does. */
export async function writeMemoryFile<T>(
  edit: MemoryFileEdit,
  output: string,
  { signal, overwrite = false }: Pick<InputOptions, 'signal'> & { readonly overwrite?: boolean },
  and: () => Promise<T>,
): Promise<T> {
  await requireOtherFile(edit.file, output)
  const options = signal ? { signal } : {}
  const source = await openSource(edit.file, options)
  try {
    return await writeFileAtomically(output, { ...options, force: overwrite }, async sink => {
      await copy(source, sink, signal, edit.patches)
      return and()
    })
  } finally {
    await source.close()
  }
}

/** Never in place, also not through a link and not with --force: the original is what one goes back to. Throws USAGE. */
export async function requireOtherFile(input: string, output: string): Promise<void> {
  if (input === '-' || output === '-') return
  const [from, to] = await Promise.all([input, output].map(path => stat(path, { bigint: true }).catch(() => undefined)))
  if (from && to && from.ino === to.ino && from.dev === to.dev)
    throw new SnapError('USAGE', `${output} is the input itself`, { file: output }, { hint: 'write to another file; no file is changed in place' })
}
