// Owns giving fresh vCPUs the environment that a saved guest booted in, and saying what the target does not offer of it: firmware, services, what the CPU
// says of itself, nothing that a guest sets up again. Judged by the tables of every replay. Runs nothing.
import { registerRow } from '../../arch/catalogue/catalogue.ts'
import { errnoName } from '../../arch/errno.ts'
import type { Feature } from '../../arch/features.ts'
import { PMCR } from '../../arch/guest-view.ts'
import { type RegId, sveVlsId, sysRegId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID, WORKAROUND_IDS } from '../../arch/smccc.ts'
import type { BackendVcpu } from '../../backends/backend.ts'
import { COUNTER_HZ } from '../../emulator/board/memory-map.ts'
import { registerAt, registerValue } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { LiveHost, LiveVm } from '../live/live-host.ts'
import { getU64, setU64 } from '../one-register.ts'
import { replayVcpu, selectRegisters, type VcpuReplay } from '../replay.ts'
import type { FailureRow, WakeDifference } from '../reports.ts'
import { savedPsci } from '../saved-psci.ts'
import { shorten, showNames } from '../show-value.ts'
import { serviceKnowledge } from '../source-services.ts'
import { judge } from '../verdict.ts'

const ID_GROUPS: ReadonlySet<string> = new Set(['id', 'aarch32-id', 'reserved-id', 'cache'])
/** The guest's own choice of a cache to ask about. */
const CSSELR = sysRegId(3, 2, 0, 0, 0)
const WORKAROUNDS: ReadonlySet<bigint> = new Set(Object.values(WORKAROUND_IDS))
/** PMCR_EL0.N, the number of event counters; the rest of PMCR is the guest's. */
const PMCR_N = 0xf800n

/** The register says what the guest runs on, and no guest sets it up anew at boot. */
export function isEnvironment(id: bigint): boolean {
  const row = registerRow(id as RegId)
  if (!row || id === CSSELR) return false
  return row.class === 'firmware' || row.class === 'firmware-bitmap' || row.id === sveVlsId || ID_GROUPS.has(row.group)
}

/** Vector lengths, between KVM_ARM_VCPU_INIT and finalization; what is refused is seen when they are read. */
export async function prepareVcpu(vcpu: BackendVcpu, { vcpus }: Snapshot): Promise<void> {
  const list = vcpus.find(({ index }) => index === vcpu.index)?.registers
  const at = list?.ids.indexOf(sveVlsId) ?? -1
  if (list && at >= 0) await vcpu.setRegs(BigUint64Array.of(sveVlsId), registerAt(list, at))
}

/** Writes the saved environment into a VM whose vCPUs have not run. What the target refuses or changes is given back; empty: it is the same. */
export async function offerEnvironment(
  vm: LiveVm,
  vcpus: readonly BackendVcpu[],
  saved: Snapshot,
  features: readonly Feature[],
  host: LiveHost,
): Promise<readonly WakeDifference[]> {
  const found: WakeDifference[] = []
  for (const range of saved.vm.smcccFilter ?? []) {
    const errno = await vm.setSmcccFilter(range)
    if (errno !== 0) found.push({ component: 'services', message: `an SMCCC filter over ${range.count} functions is refused with ${errnoName(errno)}` })
  }
  const { counterFrequency = COUNTER_HZ } = saved.vm
  if (host.kind === 'emulator' && counterFrequency !== COUNTER_HZ)
    found.push({ component: 'id-registers', message: `CNTFRQ_EL0 was ${counterFrequency} Hz, is ${COUNTER_HZ} Hz here` })
  const environment: Snapshot = {
    ...saved,
    vcpus: saved.vcpus.map(vcpu => ({ ...vcpu, registers: selectRegisters(vcpu.registers, isEnvironment) })),
  }
  const replays: VcpuReplay[] = []
  for (const [i, vcpu] of vcpus.entries()) {
    const { newOnTarget, ...replay } = await replayVcpu(vcpu, environment.vcpus[i]!, { omit: new Set(), rawOrder: false }, undefined)
    // Vector lengths were written when it was time; a write now is refused whatever it says.
    const isLate = replay.refused.some(({ id }) => id === sveVlsId) && !replay.differences.some(({ id }) => id === sveVlsId)
    replays.push({
      ...replay,
      refused: isLate ? replay.refused.filter(({ id }) => id !== sveVlsId) : replay.refused,
      newOnTarget: newOnTarget.filter(({ id }) => isEnvironment(id)),
    })
    await offerCounters(vcpu, saved.vcpus[i]!.registers, features)
  }
  const judged = judge(environment, replays, {
    features,
    psci: { saved: savedPsci(saved), after: await getU64(vcpus[0]!, PSCI_VERSION_ID) },
    sourceOffered: serviceKnowledge(saved),
  })
  for (const rows of grouped(judged.vcpus.flatMap(({ failures }) => failures))) {
    const [first] = rows as readonly [FailureRow]
    const names = [...new Set(rows.map(({ name }) => name))]
    const what = names.length === 1 ? `${first.name} = ${shorten(first.value)} is refused` : `${names.length} registers are refused (${showNames(names)})`
    found.push({ component: componentOf(BigInt(first.id)), message: `${what} with ${first.errno}: ${first.reason}` })
  }
  // Refusals are told by register above.
  for (const { code, message, register } of judged.findings) {
    if (code === 'register-refused') continue
    const id = judged.vcpus.flatMap(({ differences }) => differences).find(({ name }) => name === register)?.id
    found.push({ component: code.startsWith('psci-') ? 'psci' : code.startsWith('service-') ? 'bitmaps' : componentOf(BigInt(id ?? 0)), message })
  }
  found.push(...(await counterDifferences(vcpus, saved, features)))
  return found
}

async function offerCounters(vcpu: BackendVcpu, saved: Snapshot['vcpus'][number]['registers'], features: readonly Feature[]): Promise<void> {
  const [wanted, own] = [registerValue(saved, PMCR), await getU64(vcpu, PMCR)]
  if (features.includes('pmu_v3') && wanted !== undefined && own !== undefined && ((wanted ^ own) & PMCR_N) !== 0n)
    await setU64(vcpu, PMCR, (own & ~PMCR_N) | (wanted & PMCR_N))
}

async function counterDifferences(vcpus: readonly BackendVcpu[], saved: Snapshot, features: readonly Feature[]): Promise<readonly WakeDifference[]> {
  if (!features.includes('pmu_v3')) return []
  for (const [i, vcpu] of vcpus.entries()) {
    const [wanted, own] = [registerValue(saved.vcpus[i]!.registers, PMCR), await getU64(vcpu, PMCR)]
    if (wanted === undefined || own === undefined || ((wanted ^ own) & ~0x7ffn) === 0n) continue
    const counters = (value: bigint): bigint => (value & PMCR_N) >> 11n
    return [
      {
        component: 'id-registers',
        message:
          counters(wanted) === counters(own)
            ? `PMCR_EL0 named its PMU 0x${(wanted >> 16n).toString(16)}, names it 0x${(own >> 16n).toString(16)} here`
            : `the PMU had ${counters(wanted)} event counters, has ${counters(own)} here`,
      },
    ]
  }
  return []
}

/** Of a register, by the list of components that environments have. */
function componentOf(id: bigint): string {
  const row = registerRow(id as RegId)
  if (id === PSCI_VERSION_ID) return 'psci'
  if (WORKAROUNDS.has(id)) return 'workarounds'
  return row?.class === 'firmware-bitmap' ? 'bitmaps' : 'id-registers'
}

/** By component, errno and reason; once whatever number of vCPUs says it. */
function grouped(rows: readonly FailureRow[]): readonly (readonly FailureRow[])[] {
  const groups = new Map<string, FailureRow[]>()
  for (const row of rows) {
    const key = `${componentOf(BigInt(row.id))} ${row.errno} ${row.reason}`
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  return [...groups.values()]
}
