// Owns one boot with jobs: its initramfs with the plan and their files, the boot, and every job's judgement of what came out. A boot that breaks down fails
// by itself, and every step that it did not come to is named.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { boot } from './boot.ts'
import { packInitramfs } from './initramfs.ts'
import { type Check, failed, type Host, type Job, passed, type Results, type Shelf } from './job.ts'
import type { FileFrame, Frame, StepFrame } from './plan.ts'

export interface BootPlan {
  readonly host: Host
  readonly image: string
  readonly jobs: readonly Job[]
  readonly seconds: number
  readonly append?: string
}
export interface Surroundings {
  /** Unpacked base of the initramfs. */
  readonly tree: string
  /** Folder of the bundled program. */
  readonly program: string
  /** Serial outputs and what else may be looked at afterwards. */
  readonly folder: string
  readonly shelf: Shelf
  readonly signal: AbortSignal
}
export interface JobResult {
  readonly job: string
  readonly checks: readonly Check[]
  readonly seconds: number
}
export interface BootResult {
  readonly host: Host
  readonly title: string
  readonly wallSeconds: number
  /** The boot itself came to its end and everything that it sent is whole. */
  readonly isWhole: boolean
  readonly jobs: readonly JobResult[]
}

/** Every VM that is closed waits for RCU: tens of milliseconds, a thousand times. */
const QUICK_RCU = 'rcupdate.rcu_expedited=1'

/** Throws only when the signal is given or QEMU cannot be started at all. */
export async function runBoot(title: string, { host, image, jobs, seconds, append = '' }: BootPlan, around: Surroundings): Promise<BootResult> {
  const { tree, program, folder, shelf, signal } = around
  const work = join(folder, title.replaceAll(/[^\w.+-]+/g, '-'))
  mkdirSync(work, { recursive: true })
  const steps = jobs.flatMap(job => job.steps(shelf, host))
  const plan = join(work, 'plan.json')
  writeFileSync(plan, JSON.stringify({ steps }))
  const initramfs = join(work, 'initramfs')
  const files = Object.assign({}, ...jobs.map(job => job.files?.(shelf, host) ?? {})) as Record<string, string>
  packInitramfs(tree, { 'program/main.mjs': join(program, 'main.mjs'), 'program/data': join(program, 'data'), 'program/plan.json': plan, ...files }, initramfs)
  const serial = join(work, 'serial')
  const booted = await boot({ kernel: image, initramfs, cpu: qemuCpu(host.cpu), serial, seconds, signal, append: `${QUICK_RCU} ${append}` })
  rmSync(initramfs)

  const results = resultsOf(host, booted.frames as readonly Frame[])
  const isWhole = booted.damage.length === 0 && booted.exit === 0 && booted.frames.some(frame => (frame as Frame).kind === 'end')
  const broken = [
    ...(booted.timedOut ? [`not over after ${seconds} s`] : []),
    ...booted.damage,
    ...(booted.exit === undefined ? ['the program did not come to its end'] : booted.exit === 0 ? [] : [`the program ended with status ${booted.exit}`]),
    ...(booted.complaint === '' ? [] : [`QEMU: ${booted.complaint}`]),
    ...(isWhole || booted.tail === '' ? [] : [`the end of what was printed:\n${booted.tail}`]),
  ]
  const bootCheck = isWhole ? passed('every frame came out whole') : failed('every frame came out whole', broken.join('\n'))
  const boots: JobResult = { job: 'boot', checks: [bootCheck], seconds: booted.wallSeconds - results.seconds(steps.map(({ id }) => id)) }
  const judged: JobResult[] = []
  for (const job of jobs) {
    const ids = job.steps(shelf, host).map(({ id }) => id)
    const missing = ids.filter(id => results.step(id) === undefined).map(id => failed(id, 'the boot ended before it was done'))
    judged.push({ job: job.name, checks: [...(await judge(job, results, shelf)), ...missing], seconds: results.seconds(ids) })
  }
  return { host, title, wallSeconds: booted.wallSeconds, isWhole, jobs: [boots, ...judged] }
}

/** Pointer authentication by an algorithm that is cheap to emulate: with the architected one the machine is several times slower. */
const qemuCpu = (cpu: string): string => (cpu === 'max' ? 'max,pauth-impdef=on' : cpu)

/** A judge that throws has judged: what it was given is not what it must be. */
async function judge(job: Job, results: Results, shelf: Shelf): Promise<readonly Check[]> {
  try {
    return await job.judge(results, shelf)
  } catch (error) {
    return [failed(`${job.name} can be judged`, error instanceof Error ? (error.stack ?? error.message) : String(error))]
  }
}

/** Exported for its test. */
export function resultsOf(host: Host, frames: readonly Frame[]): Results & { seconds(ids: readonly string[]): number } {
  const start = frames.find(frame => frame.kind === 'start')
  const steps = new Map<string, StepFrame>(frames.flatMap(frame => (frame.kind === 'step' ? [[frame.id, frame] as const] : [])))
  const pieces = new Map<string, FileFrame[]>()
  for (const frame of frames) {
    if (frame.kind !== 'file') continue
    const key = `${frame.step}\n${frame.path}`
    pieces.set(key, [...(pieces.get(key) ?? []), frame])
  }
  return {
    host,
    release: start?.release ?? '',
    uname: start?.version ?? '',
    step: id => steps.get(id),
    cases: id => frames.flatMap(frame => (frame.kind === 'case' && frame.step === id ? [frame] : [])),
    file(step, path) {
      const parts = pieces.get(`${step}\n${path}`) ?? []
      const isWhole = parts.length > 0 && parts.length === parts[0]!.parts && parts.every(({ part }, i) => part === i)
      return isWhole ? Buffer.concat(parts.map(({ base64 }) => Buffer.from(base64, 'base64'))) : undefined
    },
    seconds: ids => ids.reduce((sum, id) => sum + (steps.get(id)?.milliseconds ?? 0), 0) / 1000,
  }
}
