// Owns the job that restores what other kernels saved: from an older one a guest keeps its PSCI version and, running on the real CPU, says so; from a newer
// one, whose version this kernel does not have, it is refused with the reason.
import { parsePsciVersion } from '../../../src/arch/psci.ts'
import { showRegId } from '../../../src/arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../../src/arch/smccc.ts'
import type { Build } from '../../../src/builds/build.ts'
import { type Check, check, failed, type Host, type Job, notRun, reportOf, type Shelf, said } from '../job.ts'
import type { StepFrame } from '../plan.ts'
import { type Answer, predicted, probedBuild, replayOf } from './replays.ts'
import { hostsSaved, savedOn } from './saves.ts'

const id = (from: string): string => `restore the guest of ${from}`
const inside = (from: string): string => `saved/${from}.psnap`
const others = (shelf: Shelf, host: Host): readonly string[] => hostsSaved(shelf.list()).filter(name => name !== host.name)

/** `from`: other hosts, as far as their guests are on the shelf when this boot starts. Judged later, when there may be more. */
export function moves(shelf: Shelf, host: Host): Job {
  const sources = others(shelf, host)
  return {
    name: 'moves',
    files: () => Object.fromEntries(sources.map(from => [inside(from), shelf.find(savedOn(from))!])),
    steps: () => sources.map(from => ({ id: id(from), run: 'cli', argv: replayOf(`/${inside(from)}`) })),
    async judge({ step }) {
      const build = await probedBuild(shelf, host)
      const checks: Check[] = []
      for (const from of sources) {
        const done = step(id(from))
        if (done === undefined) continue // run-boot says so
        if (build === undefined) checks.push(notRun(id(from), 'the probe gave no build to know this kernel by'))
        else checks.push(moved(from, done, build), await predicted(`${id(from)}, as predicted`, done, shelf.find(savedOn(from))!, build, true))
      }
      return checks
    },
  }
}

/** What this kernel must make of a guest with its PSCI version: it is kept and the guest says so, or refused and the report says why. */
function moved(from: string, step: StepFrame, { kernel }: Build): Check {
  const report = reportOf<Answer>(step)
  if (!report?.ok || report.psci.saved === null) return failed(id(from), said(step))
  const { saved, afterReplay, observedByGuest, observedVia } = report.psci
  if (kernel.psci.accepted.includes(Number(parsePsciVersion(saved)))) {
    // Where something else is refused the guest does not run; a few instructions in its place ask.
    const asked = report.verdict === 'refused' ? 'payload' : 'guest'
    const isKept = afterReplay === saved && observedByGuest === saved && observedVia === asked
    return check(`a guest of ${from} keeps PSCI ${saved} and says so`, isKept, () => said(step))
  }
  const refusal = report.vcpus.flatMap(({ failures }) => failures).find(row => row.id === showRegId(PSCI_VERSION_ID))
  const reason = report.findings.find(({ message }) => message.includes(saved))
  const isRefused = report.verdict === 'refused' && step.status === 3 && refusal?.errno === 'EINVAL' && reason !== undefined
  return check(`a guest of ${from} with PSCI ${saved} is refused with the reason`, isRefused, () => said(step))
}
