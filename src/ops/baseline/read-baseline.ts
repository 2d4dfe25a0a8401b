// Owns reading a baseline file that the user named.
import { openSource } from '../../formats/source/open.ts'
import { readAll } from '../../formats/source/source.ts'
import { type Baseline, MOST_BASELINE_FILE, parseBaseline } from './baseline.ts'

/** Reads a baseline file. Throws CANNOT_READ, BASELINE_INVALID. */
export async function readBaseline(path: string): Promise<Baseline> {
  const source = await openSource(path)
  try {
    return parseBaseline(new TextDecoder().decode(await readAll(source, MOST_BASELINE_FILE, 'a baseline file')), path)
  } finally {
    await source.close()
  }
}
