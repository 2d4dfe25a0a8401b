// Owns Cloud Hypervisor's restore of a vCPU: INIT, vector lengths, FINALIZE, core registers, wide ones, SIMD unless SVE, then the system registers in
// stored order; the first error aborts and names no register. Source: hypervisor/src/kvm/mod.rs (set_state) of v53; facts/vmm-formats.md §2.
import { COPROC, type RegId, regBytes, regCoproc, sveVlsId } from '../../arch/reg-id.ts'
import type { RegisterList } from '../../model/register-list.ts'
import { withPsci02 } from './firecracker.ts'
import { phaseOf, type VcpuPlan, type VmmRules } from './plan.ts'
import { rustError } from './strerror.ts'

const isCore = (id: bigint): boolean => regCoproc(id as RegId) === COPROC.core

/** Place in its order; undefined for what its files have no place for. */
function rankOf(id: bigint, hasSve: boolean): number | undefined {
  const bytes = regBytes(id as RegId)
  if (isCore(id)) return bytes === 8 ? 0 : hasSve ? undefined : 2
  return bytes > 8 ? 1 : 3
}

function planOf(saved: RegisterList): VcpuPlan {
  const hasSve = saved.ids.some(id => regCoproc(id as RegId) === COPROC.sve)
  const ranked: number[][] = [[], [], [], []]
  const dropped: { at: number; why: string }[] = []
  for (let at = 0; at < saved.ids.length; at++) {
    const id = saved.ids[at]!
    if (id === sveVlsId) continue
    const rank = rankOf(id, hasSve)
    if (rank === undefined) dropped.push({ at, why: 'Cloud Hypervisor saves no SIMD registers, FPSR and FPCR of a vCPU with SVE' })
    else ranked[rank]!.push(at)
  }
  return { phases: [phaseOf(saved, ranked.flat())], dropped, unknown: [], stops: [] }
}

const VARIANTS = { core: 'Failed to set aarch64 core register', system: 'Failed to set system register' } as const

export const cloudHypervisor: VmmRules = {
  id: 'cloud-hypervisor',
  title: 'Cloud Hypervisor',
  format: 'cloud-hypervisor',
  turns: 'vcpu',
  power: 'vcpu',
  ownAt: 'turn',
  features: inferred => [withPsci02(inferred)],
  plan: planOf,
  says: ({ stop }) => {
    if (stop.stage !== 'write' || stop.id === undefined || stop.errno === undefined) return undefined
    if (regBytes(stop.id) > 8 && !isCore(stop.id)) return `… ${rustError(stop.errno)}`
    return `… ${isCore(stop.id) ? VARIANTS.core : VARIANTS.system} … ${rustError(stop.errno)}`
  },
}
