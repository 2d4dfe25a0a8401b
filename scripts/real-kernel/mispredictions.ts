// Owns the question whether the emulator predicted what a real kernel did with a snapshot: two reports of the same file, compared in all that the kernel
// decides. Words and findings about the file are the same code and are not compared.
import { isVolatile } from '../../src/arch/volatile.ts'
import type { RestoreReport, VcpuReport } from '../../src/ops/reports.ts'

/** What differs, one line each, the kernel's answer first; none when every prediction held. */
export function mispredictions(real: RestoreReport, predicted: RestoreReport): string[] {
  const lines: string[] = []
  const compare = (what: string, is: unknown, said: unknown): void => {
    const [a, b] = [JSON.stringify(is) ?? 'nothing', JSON.stringify(said) ?? 'nothing']
    if (a !== b) lines.push(`${what}: ${a}, predicted ${b}`)
  }
  compare('verdict', real.verdict, predicted.verdict)
  compare('features', real.features, predicted.features)
  // Without a vCPU nobody was asked what a fresh one gets; the emulator knows it of its build.
  const asked = <T extends RestoreReport['psci']>(psci: T): Partial<T> => (real.vcpus.length > 0 ? psci : { ...psci, targetDefault: null })
  compare('PSCI', asked(real.psci), asked(predicted.psci))
  compare('vCPUs', real.vcpus.length, predicted.vcpus.length)
  for (const [n, vcpu] of real.vcpus.entries()) {
    const other = predicted.vcpus[n]
    if (other === undefined) continue
    const [a, b] = [rowsOf(vcpu), rowsOf(other)]
    for (const key of new Set([...a.keys(), ...b.keys()])) compare(`vCPU ${vcpu.index} ${key}`, a.get(key), b.get(key))
  }
  return lines
}

/** Everything that is asked of KVM for one vCPU, by what it is about. */
function rowsOf(vcpu: VcpuReport): Map<string, unknown> {
  const rows = new Map<string, unknown>([['registers written', vcpu.written]])
  for (const { name, value, errno } of vcpu.failures) rows.set(`${name} refused`, [value, errno])
  for (const { id, name, written, readBack } of vcpu.differences) if (!isVolatile(BigInt(id))) rows.set(`${name} read back`, [written, readBack])
  for (const { id, name, saved, readBack } of vcpu.omitted ?? []) rows.set(`${name} omitted`, isVolatile(BigInt(id)) ? saved : [saved, readBack])
  for (const name of vcpu.vanished ?? []) rows.set(`${name} vanished`, true)
  for (const name of vcpu.missingOnTarget) rows.set(`${name} not there`, true)
  for (const { id, name, value } of vcpu.newOnTarget) rows.set(`${name} new`, isVolatile(BigInt(id)) ? true : value)
  return rows
}

/** How many answers of the kernel a report has: for `N of N predicted`. */
export const answersIn = (report: RestoreReport): number => report.vcpus.reduce((sum, vcpu) => sum + vcpu.written + vcpu.newOnTarget.length, 0)
