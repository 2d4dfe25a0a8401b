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

/** Of one kind of fault this many are told one by one; a file can hold millions. */
const SHOWN = 8
const SHOWN_REGISTERS = 64

function vcpuFindings({ index, registers }: VcpuSnapshot): readonly Finding[] {
  if (registers.ids.length === 0) return [{ severity: 'error', code: 'no-registers', vcpu: index, message: `vCPU ${index} has no registers` }]
  const first = new Map<bigint, number>()
  const findings: Finding[] = []
  let more = 0
  let moreDiffer = false
  registers.ids.forEach((id, i) => {
    const before = first.get(id)
    if (before === undefined) {
      first.set(id, i)
      return
    }
    const same = Buffer.compare(registerAt(registers, before), registerAt(registers, i)) === 0
    if (findings.length === SHOWN) {
      more++
      moreDiffer ||= !same
      return
    }
    const message = `vCPU ${index} has ${registerName(id)} twice, at ${before} and ${i}, ${same ? 'with the same value' : 'with different values: a replay leaves the later one'}`
    findings.push({ severity: same ? 'warning' : 'error', code: 'duplicate-register', vcpu: index, register: registerName(id), message })
  })
  if (more > 0) {
    const message = `vCPU ${index} has ${more} more registers that it has already${moreDiffer ? ', some with different values' : ''}`
    findings.push({ severity: moreDiffer ? 'error' : 'warning', code: 'duplicate-register', vcpu: index, message })
  }
  return findings
}

/** KVM keeps firmware and firmware-bitmap registers per VM (or forces them to agree), so vCPUs that differ were not saved from one VM at one time. */
function firmwareFindings(vcpus: readonly VcpuSnapshot[]): readonly Finding[] {
  /** By register and vCPU; of a register that a vCPU has twice the later value counts. */
  const values = new Map<bigint, Map<number, bigint>>()
  for (const { index, registers } of vcpus)
    registers.ids.forEach((id, i) => {
      const coproc = regCoproc(id as RegId)
      if (coproc !== COPROC.firmware && coproc !== COPROC.firmwareBitmap) return
      const value = bytesToBigint(registerAt(registers, i))
      const list = values.get(id) ?? new Map<number, bigint>()
      values.set(id, list)
      // Before 5.10 a guest switched that bit per vCPU, so it may differ.
      list.set(index, id === WORKAROUND_IDS[2] ? value & ~WORKAROUND_2_ENABLED : value)
    })
  const withRegisters = vcpus.filter(vcpu => vcpu.registers.ids.length > 0)
  const incomplete = [...values].filter(([, list]) => list.size < withRegisters.length)
  const findings = incomplete.slice(0, SHOWN_REGISTERS).flatMap(([id, list]) => missingFindings(id, list, withRegisters))
  if (incomplete.length > SHOWN_REGISTERS) {
    const message = `${incomplete.length - SHOWN_REGISTERS} more firmware registers are not on all vCPUs`
    findings.push({ severity: 'warning', code: 'firmware-register-missing', message })
  }
  return [...findings, ...[...values].flatMap(([id, list]) => differFindings(id, list))]
}

function missingFindings(id: bigint, list: ReadonlyMap<number, bigint>, vcpus: readonly VcpuSnapshot[]): Finding[] {
  const code = id === PSCI_VERSION_ID ? 'psci-version-missing' : 'firmware-register-missing'
  const register = registerName(id)
  const lacking = vcpus.filter(({ index }) => !list.has(index))
  const findings = lacking
    .slice(0, SHOWN)
    .map(({ index }): Finding => ({ severity: 'warning', code, vcpu: index, register, message: `vCPU ${index} has no ${register}, others have` }))
  if (lacking.length > SHOWN) findings.push({ severity: 'warning', code, register, message: `${lacking.length - SHOWN} more vCPUs have no ${register} either` })
  return findings
}

function differFindings(id: bigint, list: ReadonlyMap<number, bigint>): readonly Finding[] {
  if (new Set(list.values()).size < 2) return []
  const psci = id === PSCI_VERSION_ID
  const show = (value: bigint): string => (psci ? showPsciVersion(value) : `0x${value.toString(16)}`)
  const register = registerName(id)
  const entries = [...list]
  const [vcpu, last] = entries.at(-1)!
  const shown = entries.slice(0, SHOWN).map(([index, value]) => `vCPU ${index} ${show(value)}`)
  const all = shown.join(', ') + (entries.length > SHOWN ? ` and ${entries.length - SHOWN} more` : '')
  const message = `vCPUs disagree on ${register}: ${all}. One value governs the whole VM; a replay in this order leaves that of vCPU ${vcpu}, ${show(last)}`
  return [{ severity: psci ? 'error' : 'warning', code: psci ? 'psci-version-differs' : 'firmware-register-differs', register, message }]
}
