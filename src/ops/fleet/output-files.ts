// Owns several output files that are written side by side while results come. Each appears whole or not at all. Knows no format.
import { type OutputOptions, writeFileAtomically } from '../../formats/output/atomic-file.ts'
import type { Sink } from '../../formats/output/sink.ts'

/** Appends text to the file of that index. */
export type WriteText = (index: number, text: string) => Promise<void>

/** Pieces smaller than this are put together before they are written. Characters. */
const PIECE = 1 << 16

/**
 * Opens every path, lets `use` write, and makes the files appear when it returns; when it throws none of them does. Throws OUTPUT_EXISTS,
 * CANNOT_WRITE, and what `use` throws.
 */
export async function withOutputFiles<T>(paths: readonly string[], options: OutputOptions, use: (write: WriteText) => Promise<T>): Promise<T> {
  const encoder = new TextEncoder()
  const sinks: Sink[] = []
  const pending = paths.map(() => '')
  const flush = async (index: number): Promise<void> => {
    const text = pending[index] ?? ''
    pending[index] = ''
    if (text !== '') await sinks[index]?.write(encoder.encode(text))
  }
  const open = async (index: number): Promise<T> => {
    const path = paths[index]
    if (path === undefined) {
      const result = await use(async (at, text) => {
        pending[at] += text
        if ((pending[at] ?? '').length >= PIECE) await flush(at)
      })
      for (const at of paths.keys()) await flush(at)
      return result
    }
    return writeFileAtomically(path, options, async sink => {
      sinks[index] = sink
      return open(index + 1)
    })
  }
  return open(0)
}
