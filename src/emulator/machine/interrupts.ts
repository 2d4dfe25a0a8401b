// Owns the machine's interrupt controller: when it comes to be, whose it is, which lines lead to it, how it is saved among the devices. Without an
// in-kernel GIC no interrupt reaches a vCPU, as in KVM without one. Knows no engine and no clock.
import { SnapError } from '../../errors.ts'
import type { ItsState } from '../../model/gic.ts'
import { gicStateOf, itsStateOf } from '../../model/gic-state-of.ts'
import type { DeviceSnapshot } from '../../model/snapshot.ts'
import type { DeviceMemory } from '../devices/device.ts'
import { createGic, type Gic } from '../devices/gic/gic.ts'
import type { Vcpu } from '../kvm/vcpu.ts'
import type { Vm } from '../kvm/vm.ts'

/** INTIDs of the private interrupts that KVM itself raises, as VMMs set them: KVM_ARM_VCPU_TIMER_CTRL's defaults, and the usual KVM_ARM_VCPU_PMU_V3_IRQ. */
export const PPI = { pmu: 23, virtualTimer: 27, physicalTimer: 30 } as const

const MPIDR = 0xc005n
const KINDS: readonly string[] = ['gic-v2', 'gic-v3']
const ITS_KIND = 'gic-its'
const NAME = 'gic'
const ITS_NAME = 'its'

export interface Interrupts {
  /** The GIC that the VM has, made (or restored) when it is first needed; undefined without one. Throws INPUT_CORRUPT for a saved state that is none. */
  gic(): Gic | undefined
  /** Level of a shared interrupt's input (0 is INTID 32), whether there is a GIC yet or not. */
  setLine(spi: number, level: boolean): void
  save(): readonly DeviceSnapshot[]
}

export interface InterruptOptions {
  readonly memory: DeviceMemory
  /** A GICv3 has an ITS; a saved one comes back without being asked for. */
  readonly its: boolean
  readonly saved: readonly DeviceSnapshot[]
}

export function createInterrupts(vm: Vm, { memory, its, saved }: InterruptOptions): Interrupts {
  const held = saved.find(({ kind }) => KINDS.includes(kind))
  const heldIts = saved.find(({ kind }) => kind === ITS_KIND)
  /** Lines that moved before there was a GIC. */
  const lines = new Map<number, boolean>()
  let gic: Gic | undefined

  function create(version: 'v2' | 'v3'): Gic {
    if (held && held.kind !== `gic-${version}`)
      throw new SnapError('INPUT_CORRUPT', `device ${held.name} was saved as a ${held.kind}; here the VM has a GIC${version}`, { path: held.name })
    const state = held && gicStateOf(held)
    if (held && !state) throw new SnapError('INPUT_CORRUPT', `the saved state of ${held.name} is no ${held.kind}`, { path: held.name })
    const made = createGic(
      version,
      { cpus: vm.vcpus.length, vcpuIndex: cpu => vm.vcpus[cpu]!.index, affinity: cpu => affinityOf(vm.vcpus[cpu]!) },
      { ...(state ? { saved: state } : {}), ...(its || heldIts ? { its: { memory, ...savedIts() } } : {}) },
    )
    for (const [spi, level] of lines) made.setSharedLine(spi, level)
    lines.clear()
    return made
  }
  function savedIts(): { readonly saved?: ItsState } {
    if (!heldIts) return {}
    const state = itsStateOf(heldIts)
    if (!state) throw new SnapError('INPUT_CORRUPT', `the saved state of ${heldIts.name} is no ${heldIts.kind}`, { path: heldIts.name })
    return { saved: state }
  }
  const current = (): Gic | undefined => {
    if (!gic && vm.gic !== 'none') gic = create(vm.gic)
    return gic
  }
  return {
    gic: current,
    setLine(spi, level) {
      if (gic) gic.setSharedLine(spi, level)
      else lines.set(spi, level)
    },
    save() {
      const now = current()
      if (!now) return []
      const own = { name: held?.name ?? NAME, kind: `gic-${now.version}`, state: now.save() }
      return now.its ? [own, { name: heldIts?.name ?? ITS_NAME, kind: ITS_KIND, state: now.its.save() }] : [own]
    },
  }
}

/** Aff3.Aff2.Aff1.Aff0 of MPIDR_EL1, which userspace may have changed at any time. */
function affinityOf(vcpu: Vcpu): number {
  const at = vcpu.offsetOf(MPIDR)
  if (at === undefined) return vcpu.index
  const [low, high] = [vcpu.words[at >> 2]!, vcpu.words[(at >> 2) + 1]!]
  return ((high & 0xff) << 24) | (low & 0xff_ffff)
}
