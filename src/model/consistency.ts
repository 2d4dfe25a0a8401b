// Owns what a snapshot itself shows to be wrong, whatever host it is meant for. Knows no file format and no kernel.
import { registerName } from '../arch/catalogue/catalogue.ts'
import { showPsciVersion } from '../arch/psci.ts'
import { COPROC, type RegId, regCoproc } from '../arch/reg-id.ts'
import { PSCI_VERSION_ID, WORKAROUND_2_ENABLED, WORKAROUND_IDS } from '../arch/smccc.ts'
import type { Finding } from './finding.ts'
import { gicConsistencyFindings } from './gic-consistency.ts'
import { bytesToBigint, registerAt } from './register-list.ts'
import type { Snapshot, VcpuSnapshot } from './snapshot.ts'

/** Findings about a snapshot as it is: registers twice, vCPUs without any, firmware that differs between vCPUs although KVM has one per VM. */
export function consistencyFindings(snapshot: Snapshot): readonly Finding[] {
  const { vcpus, devices } = snapshot
  if (vcpus.length === 0) return [{ severity: 'error', code: 'no-vcpus', message: 'the snapshot has no vCPU' }]
  return [...vcpus.flatMap(vcpuFindings), ...firmwareFindings(vcpus), ...gicConsistencyFindings(devices)]
}

function vcpuFindings({ index, registers }: VcpuSnapshot): readonly Finding[] {
  if (registers.ids.length === 0) return [{ severity: 'error', code: 'no-registers', vcpu: index, message: `vCPU ${index} has no registers` }]
  const first = new Map<bigint, number>()
  const findings: Finding[] = []
  registers.ids.forEach((id, i) => {
    const before = first.get(id)
    if (before === undefined) first.set(id, i)
    else {
      const same = Buffer.compare(registerAt(registers, before), registerAt(registers, i)) === 0
      const message = `vCPU ${index} has ${registerName(id)} twice, at ${before} and ${i}, ${same ? 'with the same value' : 'with different values: a replay leaves the later one'}`
      findings.push({ severity: same ? 'warning' : 'error', code: 'duplicate-register', vcpu: index, register: registerName(id), message })
    }
  })
  return findings
}

/** KVM keeps firmware and firmware-bitmap registers per VM (or forces them to agree), so vCPUs that differ were not saved from one VM at one time. */
function firmwareFindings(vcpus: readonly VcpuSnapshot[]): readonly Finding[] {
  const values = new Map<bigint, { readonly vcpu: number; readonly value: bigint }[]>()
  for (const { index, registers } of vcpus)
    registers.ids.forEach((id, i) => {
      const coproc = regCoproc(id as RegId)
      if (coproc !== COPROC.firmware && coproc !== COPROC.firmwareBitmap) return
      const list = values.get(id) ?? []
      values.set(id, list)
      if (list.at(-1)?.vcpu === index) list.pop() // a duplicate in one vCPU: the later one counts
      const value = bytesToBigint(registerAt(registers, i))
      // Before 5.10 a guest switched that bit per vCPU, so it may differ.
      list.push({ vcpu: index, value: id === WORKAROUND_IDS[2] ? value & ~WORKAROUND_2_ENABLED : value })
    })
  const withRegisters = vcpus.filter(vcpu => vcpu.registers.ids.length > 0)
  return [...values].flatMap(([id, list]): readonly Finding[] => {
    const psci = id === PSCI_VERSION_ID
    const show = (value: bigint): string => (psci ? showPsciVersion(value) : `0x${value.toString(16)}`)
    const register = registerName(id)
    const lacking = withRegisters.filter(vcpu => !list.some(entry => entry.vcpu === vcpu.index))
    const findings: Finding[] = lacking.map(vcpu => ({
      severity: 'warning',
      code: psci ? 'psci-version-missing' : 'firmware-register-missing',
      vcpu: vcpu.index,
      register,
      message: `vCPU ${vcpu.index} has no ${register}, others have`,
    }))
    if (new Set(list.map(entry => entry.value)).size > 1) {
      const all = list.map(({ vcpu, value }) => `vCPU ${vcpu} ${show(value)}`).join(', ')
      const last = list.at(-1)
      const message = `vCPUs disagree on ${register}: ${all}. One value governs the whole VM; a replay in this order leaves that of vCPU ${last?.vcpu}, ${show(last?.value ?? 0n)}`
      findings.push({ severity: psci ? 'error' : 'warning', code: psci ? 'psci-version-differs' : 'firmware-register-differs', register, message })
    }
    return findings
  })
}
