// Owns which VMM a file is taken to be for when nobody says, and why.
import type { Snapshot } from '../../model/snapshot.ts'
import { machineOf, virtRelease } from './qemu.ts'
import { rulesOf } from './rules.ts'
import { VMM_IDS, type VmmId } from './vmm.ts'

export interface DefaultVmm {
  readonly vmm: VmmId
  /** Why, where the format alone does not say. */
  readonly why?: string
}

/** By the file's format; of a QEMU stream by its machine type, because a stream does not name the release that will load it. */
export function defaultVmm(format: string, snapshot: Snapshot): DefaultVmm {
  if (format === 'qemu') {
    const machine = machineOf(snapshot)
    const needs11 = (virtRelease(machine) ?? 0) >= 11
    const type =
      machine === undefined ? 'the stream names no machine type' : `machine type ${machine} ${needs11 ? 'needs QEMU 11' : 'exists in QEMU 10 and older too'}`
    return needs11
      ? { vmm: 'qemu-11.1', why: `judged as QEMU 11.1 loads it: ${type}` }
      : { vmm: 'qemu-10.0', why: `judged as QEMU 10.0 loads it, the stricter one: ${type}` }
  }
  const own = VMM_IDS.find(id => rulesOf(id).format === format)
  if (own) return { vmm: own }
  const foreign = FOREIGN.get(format)
  return foreign === undefined ? { vmm: 'kvm' } : { vmm: 'kvm', why: `judged as a blind replay of all registers: ${foreign}'s own order is not modelled` }
}

/** Formats of VMMs without rules of their own here. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ['crosvm', 'crosvm'],
  ['stratovirt', 'StratoVirt'],
])
