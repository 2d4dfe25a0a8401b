// Owns the trial of scripts/record.sh as somebody uses it: one command, a kernel package, a build. What comes out must be what the probe job had of the
// same kernel, and say where it is from.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseBuildFile } from '../../src/builds/build-file.ts'
import { buildsDiff } from '../../src/ops/builds.ts'
import { root } from '../prepare.mjs'
import type { FetchedKernel } from './fetch.ts'
import { type Check, check, failed, type Host, notRun, passed, type Shelf } from './job.ts'
import { probedOf } from './jobs/replays.ts'
import type { BootResult } from './run-boot.ts'

export interface RecordSurroundings {
  readonly folder: string
  readonly cache: string
  readonly shelf: Shelf
  readonly seconds: number
  readonly signal: AbortSignal
}

export async function runRecord({ row, package: name, version }: FetchedKernel, host: Host, around: RecordSurroundings): Promise<BootResult> {
  const { folder, cache, shelf, seconds, signal } = around
  const output = join(folder, 'recorded.json')
  const started = performance.now()
  const words = [`${name}=${version}`, row.suite, host.cpu, '-o', output, '--recording', join(folder, 'recorded.recording.json.gz')]
  const { status, text } = await run([...words, '--force', '--cache', cache, '--seconds', String(seconds)], signal)
  const wallSeconds = (performance.now() - started) / 1000
  const checks = status === 0 && existsSync(output) ? await judge(output, host, shelf) : [failed('it writes a build', `exit status ${status}\n${text}`)]
  return { host, title: 'record.sh', wallSeconds, isWhole: true, jobs: [{ job: 'record', checks, seconds: wallSeconds }] }
}

/** Interrupted when the signal is given: it ends its own QEMU. */
function run(words: readonly string[], signal: AbortSignal): Promise<{ readonly status: number | null; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', [join(root, 'scripts/record.sh'), ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    child.stderr.on('data', (data: Buffer) => (text += data.toString()))
    const interrupt = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', interrupt)
    child.on('error', reject)
    child.on('close', status => {
      signal.removeEventListener('abort', interrupt)
      if (signal.aborted) reject(signal.reason)
      else resolve({ status, text })
    })
  })
}

async function judge(output: string, host: Host, shelf: Shelf): Promise<Check[]> {
  const build = await parseBuildFile(readFileSync(output, 'utf8'), output)
  const [from] = build.host.provenance
  const isNamed = from?.package === `${host.package} ${host.version}` && from.emulator === `QEMU ${host.qemu} (TCG)` && from.hostFirmware !== undefined
  const checks = [passed('it writes a build', build.name), check('its provenance names the package and the emulator', isNamed, () => JSON.stringify(from))]
  const probed = shelf.find(probedOf(host))
  if (probed === undefined) return [...checks, notRun('it is the build that the probe gave before', 'there is none')]
  const difference = await buildsDiff(probed, output, ['psci_0_2', 'pmu_v3'])
  return [...checks, check('it is the build that the probe gave before', difference.equal, () => JSON.stringify(difference))]
}
