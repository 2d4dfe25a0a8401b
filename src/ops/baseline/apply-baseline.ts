// Owns the birth of a guest with a baseline: every register of it written into fresh vCPUs, or an error that names the one that does not take it.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { errnoName } from '../../arch/errno.ts'
import { type RegId, regBytes, sveVlsId } from '../../arch/reg-id.ts'
import type { BackendVcpu } from '../../backends/backend.ts'
import { SnapError } from '../../errors.ts'
import { bytesToBigint } from '../../model/register-list.ts'
import type { Baseline, BaselineRegister } from './baseline.ts'

const hex = (value: bigint): string => `0x${value.toString(16)}`

/** SVE vector lengths, which KVM takes only between KVM_ARM_VCPU_INIT and FINALIZE. Throws BUILD_UNUSABLE. `host` is for messages. */
export async function applyVectorLengths(vcpu: BackendVcpu, { registers }: Baseline, host: string): Promise<void> {
  const lengths = registers.find(({ id }) => id === sveVlsId)
  if (lengths) await applyRegister(vcpu, lengths, host)
}

/** Everything else, before the first run. A register that the baseline itself says not every host lists is left out where it is not. Throws BUILD_UNUSABLE. */
export async function applyBaseline(vcpus: readonly BackendVcpu[], { registers }: Baseline, host: string): Promise<void> {
  for (const vcpu of vcpus) for (const register of registers) if (register.id !== sveVlsId) await applyRegister(vcpu, register, host)
}

async function applyRegister(vcpu: BackendVcpu, { id, value, mask = ~0n, listedOn }: BaselineRegister, host: string): Promise<void> {
  const own = await read(vcpu, id)
  if (own === undefined) {
    if (listedOn !== undefined) return
    throw refuse(id, vcpu, `${host} has no ${registerName(id)}, which the baseline sets to ${hex(value)}`)
  }
  const wanted = (own & ~mask) | (value & mask)
  if (wanted === own) return
  const bytes = new Uint8Array(regBytes(id))
  for (let i = 0, rest = wanted; i < bytes.length; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  const [errno = 0] = await vcpu.setRegs(BigUint64Array.of(id), bytes)
  if (errno !== 0)
    throw refuse(id, vcpu, `${host} refuses the baseline's ${registerName(id)} = ${hex(wanted)} with ${errnoName(errno)}; its own value is ${hex(own)}`)
  const after = await read(vcpu, id)
  if (after !== wanted)
    throw refuse(
      id,
      vcpu,
      `${host} takes the baseline's ${registerName(id)} = ${hex(wanted)} and keeps ${after === undefined ? 'none' : hex(after)}: the guest would see that`,
    )
}

const refuse = (id: RegId, vcpu: BackendVcpu, message: string): SnapError =>
  new SnapError(
    'BUILD_UNUSABLE',
    message,
    { register: registerName(id), vcpu: vcpu.index },
    { hint: 'make a baseline that this host is part of: `psci-snap builds baseline HOST…`' },
  )

async function read(vcpu: BackendVcpu, id: RegId): Promise<bigint | undefined> {
  const { bytes, errnos } = await vcpu.getRegs(BigUint64Array.of(id))
  return errnos[0] === 0 ? bytesToBigint(bytes) : undefined
}
