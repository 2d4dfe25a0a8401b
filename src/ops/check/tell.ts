// Owns what a check says in words: the reason, the consequences for the guest, what to do. Decides nothing: the verdict is given. The words are in words/.
import { adviceOf } from './words/advice.ts'
import { readCase } from './words/case.ts'
import { consequencesOf } from './words/consequences.ts'
import type { Judged, Told } from './words/judged.ts'
import { reasonOf } from './words/reason.ts'

export type { Judged, Told } from './words/judged.ts'

/** Total: every verdict has a reason, whatever was judged. */
export function tell(judged: Judged): Told {
  const about = readCase(judged)
  return { reason: reasonOf(about), consequences: consequencesOf(about), advice: adviceOf(about) }
}
