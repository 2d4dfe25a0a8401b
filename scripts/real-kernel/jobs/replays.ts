// Owns the job that replays samples into the real kernel, and asks of the emulator, loaded with what the probe recorded of this very host, to have
// predicted every refusal and every value that was read back.
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Build } from '../../../src/builds/build.ts'
import { parseBuildFile } from '../../../src/builds/build-file.ts'
import type { RestoreReport } from '../../../src/ops/reports.ts'
import { restore } from '../../../src/ops/restore.ts'
import { type Check, failed, type Host, type Job, notRun, passed, reportOf, type Shelf, said } from '../job.ts'
import { answersIn, mispredictions } from '../mispredictions.ts'
import type { StepFrame } from '../plan.ts'
import type { Sample } from '../samples.ts'

/** Where the probe's build of a host stands on the shelf. */
export const probedOf = ({ name, cpu }: Host): string => `probed/${name}-${cpu}.json`

const NO_GIC_V2 = /creates no GICv2: ENODEV/
/** A restore that came to a report; 3 is one that does not survive whole. */
const ANSWERED: ReadonlySet<number | undefined> = new Set([0, 3])

export function replays(samples: readonly Sample[]): Job {
  const inside = ({ name, path }: Sample): string => `samples/${name}/${basename(path)}`
  const id = ({ name }: Sample): string => `replay ${name}`
  return {
    name: 'replays',
    files: () => Object.fromEntries(samples.map(sample => [inside(sample), sample.path])),
    steps: () => samples.map(sample => ({ id: id(sample), run: 'cli', argv: replayOf(`/${inside(sample)}`) })),
    async judge({ host, step }, shelf) {
      const build = await probedBuild(shelf, host)
      const checks: Check[] = []
      for (const sample of samples) {
        const done = step(id(sample))
        if (done === undefined) continue // run-boot says so
        checks.push(
          build === undefined ? notRun(id(sample), 'the probe gave no build to predict with') : await predicted(id(sample), done, sample.path, build, true),
        )
      }
      return checks
    },
  }
}

export const replayOf = (file: string): readonly string[] => ['restore', file, '--backend', 'kvm', '--dry-run', '--json']

/** What the probe recorded of this host, in this boot or an earlier one. */
export async function probedBuild(shelf: Shelf, host: Host): Promise<Build | undefined> {
  const file = shelf.find(probedOf(host))
  return file === undefined ? undefined : parseBuildFile(readFileSync(file, 'utf8'), probedOf(host))
}

export type Answer = RestoreReport & { readonly ok: boolean; readonly error?: { readonly code: string; readonly message: string } }

/** Whether the emulator with this build says of the file what the kernel did, asked in the same way. */
export async function predicted(name: string, step: StepFrame, file: string, build: Build, dryRun = false): Promise<Check> {
  const real = reportOf<Answer>(step)
  const prediction = await restore(file, { build, dryRun }).catch((error: Error & { code?: string }) => error)
  if (prediction instanceof Error) {
    const isAlike = real?.error?.code !== undefined && real.error.code === prediction.code
    return isAlike ? passed(name, `both: ${prediction.code}`) : failed(name, `the emulator says: ${prediction.message}\nthe real back end: ${said(step)}`)
  }
  if (!real?.ok || !ANSWERED.has(step.status)) return failed(name, said(step))
  // The host's own interrupt controller decides that, and no build says which it has.
  if (real.findings.some(({ code, message }) => code === 'gic-refused' && NO_GIC_V2.test(message))) return notRun(name, 'this host makes no VM with a GICv2')
  const wrong = mispredictions(real, prediction)
  const answers = answersIn(real)
  return wrong.length === 0 ? passed(name, `${real.verdict}, ${answers} answers`) : failed(name, `${wrong.length} differ of ${answers}:\n${wrong.join('\n')}`)
}
