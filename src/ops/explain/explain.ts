// Owns `explain`: from words to answers. What the words mean is understand.ts; each kind of answer has a file of its own.
import type { Build } from '../../builds/build.ts'
import { resolveBuild } from '../target.ts'
import type { Work } from '../work.ts'
import { explainCall, explainOldFunction, explainPsciFunction, explainService } from './call.ts'
import { explainErrorCode, explainFindingCode } from './code.ts'
import { explainErrno, explainErrnoOf } from './errno.ts'
import type { Answer, ExplainReport } from './explain-report.ts'
import { hostsOf } from './hosts.ts'
import { explainMessage } from './message.ts'
import { explainPsci } from './psci-step.ts'
import { explainRegister } from './register.ts'
import { Tryout } from './tryout.ts'
import { type Question, understand } from './understand.ts'
import { explainValue, sampleOf } from './value.ts'

export interface ExplainOptions extends Work {
  /** A build by name, alias or file: the question is about that host. Absent: every built-in one. */
  readonly on?: string
}

/**
 * Explains PSCI versions and steps, registers and their values, errnos, calls, firmware services, messages of VMMs, codes of ours, and steps between
 * builds. Throws QUESTION_UNKNOWN with near matches, REG_VALUE_INVALID, and what resolveBuild throws.
 */
export async function explain(words: readonly string[], { on, signal }: ExplainOptions = {}): Promise<ExplainReport> {
  const { questions, said, more } = understand(words)
  const build = on === undefined ? undefined : await resolveBuild(on)
  const tryout = new Tryout(hostsOf(build))
  const answers: Answer[] = []
  for (const question of questions) {
    signal?.throwIfAborted()
    answers.push(await answer(question, tryout, build))
  }
  return {
    question: words.join(' '),
    understood: said,
    ...(build ? { on: build.name } : {}),
    answers,
    ...(more.length === 0 ? {} : { more }),
  }
}

async function answer(question: Question, tryout: Tryout, on: Build | undefined): Promise<Answer> {
  const { hosts } = tryout
  switch (question.kind) {
    case 'psci':
      return explainPsci(question.from, question.to, hosts)
    case 'register':
      return question.value === undefined ? explainRegister(question.id, tryout) : explainValue(question.id, sampleOf(question.id, question.value), tryout)
    case 'errno': {
      const { errno, id, value } = question
      return id === undefined ? explainErrno(errno) : explainErrnoOf(errno, id, on, value === undefined ? undefined : sampleOf(id, value))
    }
    case 'psci-function':
      return explainPsciFunction(question.row, hosts)
    case 'old-function':
      return explainOldFunction(question.row, hosts)
    case 'function':
      return explainCall(question.row, hosts)
    case 'service':
      return explainService(question.bit, hosts)
    case 'message':
      return explainMessage(question.found)
    case 'error-code':
      return explainErrorCode(question.code)
    case 'finding-code':
      return explainFindingCode(question.code)
    case 'builds':
      // Only this answer needs the replay and its words.
      return (await import('./build-step.ts')).explainBuilds(question.a, question.b)
    default:
      return question satisfies never
  }
}
