// Owns reading a policy file. parse.ts knows what is in it.
import { openSource } from '../../formats/source/open.ts'
import { readAll } from '../../formats/source/source.ts'
import type { Policy } from './policy.ts'

/** Throws CANNOT_READ, POLICY_INVALID. */
export async function readPolicy(path: string, signal?: AbortSignal): Promise<Policy> {
  const { MOST_POLICY, parsePolicy } = await import('./parse.ts')
  const source = await openSource(path, signal ? { signal } : {})
  try {
    return parsePolicy(new TextDecoder().decode(await readAll(source, 4 * MOST_POLICY, 'a policy file')), path)
  } finally {
    await source.close()
  }
}
