// Owns writing a state file with other registers, in its own format: what is not named stays as it was, byte for byte, and the checksum is made anew.
import { registerName } from '../../../arch/catalogue/catalogue.ts'
import { type RegId, regBytes, showRegId, sysRegId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { bytesToBigint } from '../../../model/register-list.ts'
import type { Sink } from '../../output/sink.ts'
import { readAll, type Source } from '../../source/source.ts'
import { placeOfAdded } from '../added-place.ts'
import { FIRECRACKER_LIMITS } from './limits.ts'
import { changeRegister, insertRegister, type RegisterChange } from './registers.ts'
import { slotBytesOf } from './snapshot.ts'
import { isVector, type VcpuState } from './state.ts'
import { encodeVmstate, holdsRegister, MOST_BYTES, readVmstate, type Vmstate } from './vmstate.ts'

/**
 * `vcpu` absent means all of them. `set` changes a register that is there, `drop` takes it out, `add` puts one that is not there where
 * added-place.ts says, `put` does what is needed of set and add.
 */
export type VmstateEdit =
  | { readonly kind: 'set'; readonly id: RegId; readonly value: Uint8Array; readonly vcpu?: number }
  | { readonly kind: 'drop'; readonly id: RegId; readonly vcpu?: number }
  | { readonly kind: 'add' | 'put'; readonly id: RegId; readonly value: Uint8Array; readonly vcpu?: number; readonly behind?: readonly RegId[] }

export interface VmstateEdited {
  /** In order; values in memory order. An edit that leaves a value as it was is none. */
  readonly changes: readonly (RegisterChange & { readonly vcpu: number })[]
  readonly findings: readonly Finding[]
}

const MPIDR_EL1 = sysRegId(3, 0, 0, 0, 5)

/**
 * Writes `source` with `edits` applied in order. Throws what reading throws; REGISTER_ABSENT for a set or drop that no vCPU has the register for;
 * USAGE for a vCPU that is not there, or a register to add that is; REG_VALUE_INVALID for a value of another size; FORMAT_UNWRITABLE for a value that
 * the release cannot hold, and for a file that Firecracker's own encoder would not have written like that.
 */
export async function editVmstate(
  source: Source,
  edits: readonly VmstateEdit[],
  sink: Sink,
  options: { readonly vmmVersion?: string } = {},
): Promise<VmstateEdited> {
  const bytes = await readAll(source, FIRECRACKER_LIMITS.vmstateBytes, 'a Firecracker state file')
  const vmstate = readVmstate(bytes, source.name, options.vmmVersion)
  requireSameEncoding(vmstate, bytes, source.name)
  const vcpus = [...vmstate.state.vcpus]
  const changes: VmstateEdited['changes'][number][] = []
  const findings: Finding[] = []
  for (const edit of edits) apply(edit, vcpus, slotBytesOf(vmstate), source.name, changes, findings)
  const out = changes.length === 0 ? bytes : encodeVmstate(vmstate, vcpus)
  if (out.length > FIRECRACKER_LIMITS.vmstateBytes)
    throw new SnapError(
      'FORMAT_UNWRITABLE',
      `with these registers the file has ${out.length} bytes; Firecracker loads at most ${FIRECRACKER_LIMITS.vmstateBytes}`,
    )
  await sink.write(out)
  return { changes, findings }
}

function apply(edit: VmstateEdit, vcpus: VcpuState[], slotBytes: number, file: string, changes: VmstateEdited['changes'][number][], findings: Finding[]): void {
  const { id, vcpu: only } = edit
  const register = registerName(id)
  if (only !== undefined && !vcpus[only]) throw new SnapError('USAGE', `${file} has no vCPU ${only}; it has ${vcpus.length}`, { file, vcpu: only })
  if (edit.kind !== 'drop' && regBytes(id) > MOST_BYTES)
    throw new SnapError('FORMAT_UNWRITABLE', `${register} has ${regBytes(id)} bytes; Firecracker loads registers of at most ${MOST_BYTES}`, {
      register: showRegId(id),
    })
  const without: number[] = []
  for (const [index, vcpu] of vcpus.entries()) {
    if (only !== undefined && index !== only) continue
    const result = changeRegister(vcpu.regs, id, edit.kind === 'drop' ? undefined : edit.value, slotBytes)
    if (edit.kind === 'add' && result.found)
      throw new SnapError('USAGE', `vCPU ${index} of ${file} has ${register} already; set it instead`, { file, vcpu: index, register: showRegId(id) })
    if (edit.kind === 'add' || (edit.kind === 'put' && !result.found)) {
      if (!holdsRegister(vcpu.regs, id))
        throw new SnapError('FORMAT_UNWRITABLE', `a Firecracker state file has no place for ${register}`, { file, register: showRegId(id) })
      const ids = isVector(vcpu.regs) ? vcpu.regs.ids : vcpu.regs.map(each => each.id)
      vcpus[index] = { ...vcpu, regs: insertRegister(vcpu.regs, placeOfAdded(ids, id, edit.behind), id, edit.value, slotBytes) }
      changes.push({ vcpu: index, id, after: edit.value })
      continue
    }
    if (!result.found) without.push(index)
    vcpus[index] = { ...vcpu, regs: result.regs }
    changes.push(...result.changes.map(change => ({ vcpu: index, ...change })))
    if (edit.kind !== 'drop' && id === MPIDR_EL1 && bytesToBigint(edit.value) !== vcpu.mpidr)
      findings.push({
        severity: 'warning',
        code: 'mpidr-differs',
        vcpu: index,
        register,
        message: `the file says MPIDR 0x${vcpu.mpidr.toString(16)} of vCPU ${index} a second time, for its interrupt controller; that stays as it is`,
      })
  }
  if (without.length === (only === undefined ? vcpus.length : 1))
    throw new SnapError('REGISTER_ABSENT', `no vCPU of ${file} has ${register} (${showRegId(id)})`, { file, register: showRegId(id) })
  for (const index of without)
    findings.push({
      severity: 'warning',
      code: 'register-absent',
      vcpu: index,
      register,
      message: `vCPU ${index} has no ${register}; nothing of it was changed`,
    })
}

/** Everything that is not edited must come out as it went in, so a file that we would write differently is not written at all. */
function requireSameEncoding(vmstate: Vmstate, bytes: Uint8Array, file: string): void {
  const again = encodeVmstate(vmstate)
  if (Buffer.compare(again, bytes) === 0) return
  const offset = again.findIndex((byte, i) => byte !== bytes[i])
  throw new SnapError('FORMAT_UNWRITABLE', `${file} is not encoded as Firecracker does it; writing it again would change more than what was asked for`, {
    file,
    offset: offset < 0 ? again.length : offset,
  })
}
