// Owns the boots: a kernel to its shell on the default build with so many vCPUs, through somebody who types, to the end through PSCI.

import { showPsciVersion } from '../../src/arch/psci.ts'
import { loadBuild } from '../../src/builds/load.ts'
import { newestBuild } from '../../src/ops/run/newest-build.ts'
import { run } from '../../src/ops/run/run.ts'
import type { Checks } from './checks.ts'
import { type GuestLog, readLog } from './guest-log.ts'
import type { BootFiles } from './reference.ts'
import { typist } from './typist.ts'

/** What a PSCI version has that a kernel shows in debugfs, from what release on. */
const LATER: readonly { readonly since: string; readonly name: string; readonly kernel: number }[] = [
  { since: '1.1', name: 'SYSTEM_RESET2', kernel: 0 },
  { since: '1.3', name: 'SYSTEM_OFF2', kernel: 6.13 },
]

export interface BootCheck {
  readonly title: string
  readonly files: BootFiles
  readonly cpus: number
  readonly reference: GuestLog | undefined
  readonly psci?: string
}

export async function checkBoot(
  { title, files, cpus, reference, psci }: BootCheck,
  { check }: Checks,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  const build = newestBuild()
  const wanted = psci ?? showPsciVersion(BigInt(loadBuild(build).kernel.psci.initial))
  const port = typist(['echo it is $((6 * 7))', 'exit'])
  const started = performance.now()
  const report = await run({ ...files, cpus, port, signal, build, timeout: 600_000, ...(psci === undefined ? {} : { psci }) })
  const log = readLog(port.output)
  print(`${title}: ${(report.instructions / 1e6).toFixed(0)} M instructions in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  const tail = log.text.trimEnd().split('\n').slice(-5).join(' | ')
  check(`${title}: reaches its shell, which does what is typed`, /^it is 42$/m.test(log.text), tail)
  check(`${title}: has ${cpus} vCPUs`, log.cpus === cpus, `${log.cpus}`)
  check(`${title}: its log names PSCI ${wanted}`, log.psci === wanted, log.psci ?? 'none')
  // Kernels before 6.2 show no list.
  for (const { since, name } of log.features.length === 0 ? [] : LATER.filter(row => release(log.kernel) >= row.kernel))
    check(
      `${title}: ${name} is ${wanted >= since ? 'there' : 'not there'}`,
      log.features.some(line => line.includes(name)) === wanted >= since,
      log.features.join(' | '),
    )
  if (reference) {
    const more = log.warnings.filter(line => !reference.warnings.includes(line))
    check(`${title}: no warning that it does not show on qemu-system-aarch64 -M virt`, more.length === 0, more.join(' | '))
  }
  check(`${title}: switches itself off through PSCI`, report.end === 'guest' && report.stop === 'off', `${report.end}, ${report.stop}`)
}

/** `6.1` of `6.1.0-56-cloud-arm64`, as a number that orders series: 6.13 for 6.13, 6.01 for 6.1. */
function release(kernel: string | undefined): number {
  const [major = 0, minor = 0] = (kernel ?? '').split('.').map(Number)
  return major + minor / 100
}
