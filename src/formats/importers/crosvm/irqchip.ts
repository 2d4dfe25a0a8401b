// Owns the file irqchip of a crosvm snapshot: GICv3 frames word by word, CPU interfaces, and the power states, which crosvm keeps there.
// Source: facts/vmm-formats.md §3; devices/src/irqchip/kvm/aarch64.rs.
import { type GicState, type GicVcpuState, type RegisterRun, registerRuns } from '../../../model/gic.ts'
import type { MpState } from '../../../model/snapshot.ts'
import type { Field } from '../../data/fields.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { integerEntries } from './fragment.ts'

const MP_STATES: ReadonlyMap<string, MpState> = new Map([
  ['Runnable', 'runnable'],
  ['Stopped', 'stopped'],
])

export interface CpuPart {
  /** Aff3.Aff2.Aff1.Aff0 as a 32-bit number. */
  readonly affinity: number
  readonly mpState: MpState
  readonly gic: Omit<GicVcpuState, 'vcpu'>
}

export interface Irqchip {
  readonly cpus: readonly CpuPart[]
  readonly distributor: GicState['distributor']
}

/** Throws INPUT_CORRUPT. */
export function readIrqchip(field: Field): Irqchip {
  return {
    cpus: integerEntries(field.at('cpu_specific'), 64, VMM_LIMITS.vcpus).map(([key, cpu]) => {
      const state = cpu.at('mp_state')
      const mpState = MP_STATES.get(state.text())
      if (mpState === undefined) throw state.wrong(`is ${JSON.stringify(state.text().slice(0, 40))}, which is no state of an arm64 vCPU`)
      if ((key & 0xffff_ffffn) !== 0n) throw cpu.wrong('is not under an affinity in the upper half of 64 bits')
      return {
        affinity: Number(key >> 32n),
        mpState,
        gic: {
          registers: wholeFrame(cpu.at('redist_regs').words(VMM_LIMITS.gicWords)),
          systemRegisters: integerEntries(cpu.at('cpu_sys_regs'), 16, 64).map(([encoding, value]) => [Number(encoding), value.unsigned()] as const),
        },
      }
    }),
    distributor: wholeFrame(field.at('dist_regs').words(VMM_LIMITS.gicWords)),
  }
}

/** crosvm saves every word of a frame; most of a frame is reserved and reads as zero, and an absent word counts as zero. */
const wholeFrame = (words: readonly number[]): readonly RegisterRun[] => registerRuns(words.flatMap((word, i) => (word === 0 ? [] : [[4 * i, word] as const])))
