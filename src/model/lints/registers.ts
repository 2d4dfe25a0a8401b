// Owns the known-bad patterns of register lists: order, what is missing, what cannot be, what the vCPUs must share. Knows no file format.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import { COPROC, type RegId, regCoproc, sveVlsId, sysRegId } from '../../arch/reg-id.ts'
import { WORKAROUND_IDS, WORKAROUND_LEVELS } from '../../arch/smccc.ts'
import type { Finding } from '../finding.ts'
import { bytesToBigint, registerAt, registerValue } from '../register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../snapshot.ts'
import { lintFinding } from './finding-of.ts'

/** RegList::new(500) of kvm-ioctls' users. */
const USUAL_ROOM = 500
const ID_AA64PFR1 = sysRegId(3, 0, 0, 4, 1)
const SSBS = 4n
const CNTVOFF = sysRegId(3, 4, 14, 0, 3)
const COUNTERS = [sysRegId(3, 3, 14, 3, 2), sysRegId(3, 3, 14, 0, 1)] as const
const [VIRTUAL_COUNTER] = COUNTERS
/** Saving all vCPUs one by one takes no longer than this, in seconds. */
const MOST_SKEW = 0.1
/** The fastest counter that the architecture has (CNTFRQ_EL0 of Armv8.6), for files that do not say: then a tenth of a second is at least this. */
const FASTEST = 1_000_000_000

export function registerLints(snapshot: Snapshot): readonly Finding[] {
  const { vcpus } = snapshot
  return [...vcpus.flatMap(vcpu => [...orderLints(vcpu), ...contentLints(vcpu)]), ...sharedLints(vcpus), ...counterLints(snapshot)]
}

function orderLints({ index, registers }: VcpuSnapshot): readonly Finding[] {
  const findings: Finding[] = []
  const at = (id: bigint): number => registers.ids.indexOf(id)
  const level = registerValue(registers, WORKAROUND_IDS[2])
  const needsNoCall = WORKAROUND_LEVELS[2].some(row => BigInt(row.value) === level && row.rank > 0)
  const features = registerValue(registers, ID_AA64PFR1)
  const hasNoSsbs = features !== undefined && ((features >> SSBS) & 0xfn) === 0n
  if (needsNoCall && hasNoSsbs && at(WORKAROUND_IDS[2]) < at(ID_AA64PFR1)) {
    const register = registerName(WORKAROUND_IDS[2])
    const message = `vCPU ${index} has ${register} (${level}) before ID_AA64PFR1_EL1, whose SSBS is 0: a host with SSBS refuses it in this order`
    findings.push(lintFinding('order-firmware-before-id', message, { vcpu: index, register }))
  }
  const counters = COUNTERS.filter(id => at(id) >= 0 && at(id) < at(CNTVOFF))
  if (counters.length > 0) {
    const message = `vCPU ${index} has CNTVOFF_EL2 after ${counters.map(registerName).join(' and ')}: the offset that the counter was given is overwritten`
    findings.push(lintFinding('order-offset-after-counter', message, { vcpu: index, register: 'CNTVOFF_EL2' }))
  }
  const vector = registers.ids.findIndex(id => isVector(id))
  if (vector >= 0 && at(sveVlsId) > vector) {
    const register = registerName(sveVlsId)
    findings.push(lintFinding('order-vls-after-vectors', `vCPU ${index} has ${register} after SVE vectors`, { vcpu: index, register }))
  }
  return findings
}

const isVector = (id: bigint): boolean => regCoproc(id as RegId) === COPROC.sve && id !== sveVlsId

function contentLints({ index, registers, mpState, features }: VcpuSnapshot): readonly Finding[] {
  const findings: Finding[] = []
  if (registers.ids.some(isVector) && !registers.ids.includes(sveVlsId)) {
    const register = registerName(sveVlsId)
    findings.push(lintFinding('sve-vls-missing', `vCPU ${index} has SVE vectors and no ${register}`, { vcpu: index, register }))
  }
  if (mpState === 'runnable' && features?.includes('power_off'))
    findings.push(lintFinding('power-off-in-features', `vCPU ${index} is running, and its features have power_off`, { vcpu: index }))
  const impossible = [...registers.ids].filter(id => regCoproc(id as RegId) === COPROC.core && id >> 56n === 0x60n && !registerRow(id as RegId))
  if (impossible.length > 0) {
    const names = impossible.slice(0, 3).map(registerName).join(', ')
    const message = `vCPU ${index} has ${impossible.length} core registers of a size or at a place where there is none: ${names}${impossible.length > 3 ? ' …' : ''}`
    findings.push(lintFinding('core-register-impossible', message, { vcpu: index }))
  }
  if (registers.ids.length > USUAL_ROOM)
    findings.push(lintFinding('many-registers', `vCPU ${index} has ${registers.ids.length} registers, more than ${USUAL_ROOM}`, { vcpu: index }))
  return findings
}

/** ID registers; firmware registers, which are the VM's too, are judged by consistency.ts, counters below. */
function sharedLints(vcpus: readonly VcpuSnapshot[]): readonly Finding[] {
  const values = new Map<bigint, Map<bigint, number[]>>()
  for (const { index, registers } of vcpus)
    registers.ids.forEach((id, i) => {
      const row = regCoproc(id as RegId) === COPROC.sysreg ? registerRow(id as RegId) : undefined
      if (row?.scope !== 'vm' || row.class !== 'system') return
      const byValue = values.get(id) ?? new Map<bigint, number[]>()
      values.set(id, byValue)
      const value = bytesToBigint(registerAt(registers, i))
      byValue.set(value, [...(byValue.get(value) ?? []), index])
    })
  return [...values].flatMap(([id, byValue]) => {
    if (byValue.size < 2) return []
    const register = registerName(id)
    const shown = [...byValue]
      .slice(0, 4)
      .map(([value, indices]) => `0x${value.toString(16)} on vCPU ${indices.slice(0, 4).join(' ')}${indices.length > 4 ? ' …' : ''}`)
    return [lintFinding('vm-wide-register-differs', `vCPUs disagree on ${register}, of which a VM has one: ${shown.join(', ')}`, { register })]
  })
}

function counterLints({ vcpus, vm }: Snapshot): readonly Finding[] {
  const counters = vcpus.flatMap(({ index, registers }) => {
    const value = registerValue(registers, VIRTUAL_COUNTER)
    return value === undefined ? [] : [{ index, value }]
  })
  counters.sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0))
  const [low] = counters
  const high = counters.at(-1)
  if (!low || !high) return []
  const apart = high.value - low.value
  const frequency = vm.counterFrequency ?? FASTEST
  if (apart <= BigInt(Math.floor(frequency * MOST_SKEW))) return []
  const time = vm.counterFrequency === undefined ? '' : ` (${(Number(apart) / frequency).toPrecision(3)} s)`
  const message = `the virtual counters of vCPU ${low.index} and vCPU ${high.index} are ${apart} ticks${time} apart`
  return [lintFinding('counters-disagree', message, { register: registerName(VIRTUAL_COUNTER) })]
}
