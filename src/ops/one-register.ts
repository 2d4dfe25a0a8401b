// Owns writing and reading one 64-bit register of a live vCPU by its value; lists go through replay.ts.
import type { BackendVcpu } from '../backends/backend.ts'
import { bytesToBigint } from '../model/register-list.ts'

/** KVM_SET_ONE_REG of a 64-bit register. Errno. */
export async function setU64(vcpu: BackendVcpu, id: bigint, value: bigint): Promise<number> {
  const [errno = 0] = await vcpu.setRegs(BigUint64Array.of(id), new Uint8Array(BigUint64Array.of(value).buffer))
  return errno
}

/** KVM_GET_ONE_REG of a 64-bit register; undefined when it is refused. */
export async function getU64(vcpu: BackendVcpu, id: bigint): Promise<bigint | undefined> {
  const { bytes, errnos } = await vcpu.getRegs(BigUint64Array.of(id))
  return errnos[0] === 0 ? bytesToBigint(bytes) : undefined
}
