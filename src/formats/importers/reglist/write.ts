// Owns the writing of kvm-reglist: one register a line, so that two dumps can be compared with diff. Says what a register list cannot carry.

import { showRegId } from '../../../arch/reg-id.ts'
import type { Finding } from '../../../model/finding.ts'
import { registerEntries } from '../../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../../model/snapshot.ts'
import { REGLIST_FORMAT, REGLIST_VERSION } from './shape.ts'
import { showValue } from './value-text.ts'

/** The file's text, and a finding for everything of the snapshot that is not in it. vCPUs are numbered by position. */
export function reglistText(snapshot: Snapshot): { readonly text: string; readonly findings: readonly Finding[] } {
  const { kernel, cpu } = snapshot.origin
  const head = {
    format: REGLIST_FORMAT,
    version: REGLIST_VERSION,
    ...(kernel === undefined ? {} : { kernel }),
    ...(cpu === undefined ? {} : { cpu }),
    gic: snapshot.gic,
  }
  const vcpus = snapshot.vcpus.map(vcpuText).join(',\n')
  return { text: `${JSON.stringify(head).slice(0, -1)},"vcpus":[\n${vcpus}\n]}\n`, findings: leftOut(snapshot) }
}

function vcpuText({ features, mpState, registers }: VcpuSnapshot): string {
  const head = { ...(features === undefined ? {} : { features }), mpState }
  const rows = [...registerEntries(registers)].map(([id, bytes]) => `["${showRegId(id)}","${showValue(id, bytes)}"]`)
  return `${JSON.stringify(head).slice(0, -1)},"registers":[\n${rows.join(',\n')}\n]}`
}

function leftOut(snapshot: Snapshot): readonly Finding[] {
  const bytes = snapshot.memory.reduce((sum, region) => sum + region.size, 0)
  const what = [
    snapshot.devices.length > 0 ? `devices (${snapshot.devices.map(device => device.name).join(', ')})` : '',
    snapshot.memory.length > 0 ? `guest memory (${bytes} bytes)` : '',
    snapshot.machine ? 'the state of the built-in machine' : '',
    Object.values(snapshot.vm).some(value => value !== undefined) ? 'VM-wide state (capabilities, counter offset, SMCCC filter)' : '',
    snapshot.vcpus.some(vcpu => vcpu.events) ? 'vCPU events' : '',
    snapshot.stop === 'running' ? '' : `why the guest stopped (${snapshot.stop})`,
    snapshot.vcpus.some((vcpu, i) => vcpu.index !== i) ? 'the numbers of the vCPUs' : '',
    (snapshot.unknown?.length ?? 0) > 0 ? `${snapshot.unknown?.length} items that this release does not understand` : '',
  ].filter(text => text !== '')
  return what.map(text => ({ severity: 'warning', code: 'not-exported', message: `kvm-reglist has no place for ${text}` }))
}
