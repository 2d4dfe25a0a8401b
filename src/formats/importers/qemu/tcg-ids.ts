// Owns the one difference between the AArch64 ids of QEMU's TCG and those of KVM. TCG builds ids from the architecture's encodings; KVM's ABI carries
// the virtual timer's CVAL and the virtual counter under each other's. Source: include/uapi kvm.h; QEMU target/arm/cpregs.h; facts/qemu-stream.md §5.1.
import { sysRegId } from '../../../arch/reg-id.ts'

/** CNTV_CVAL_EL0 and CNTVCT_EL0 by their encodings, which is how TCG means them. */
const CVAL = sysRegId(3, 3, 14, 3, 2)
const CNT = sysRegId(3, 3, 14, 0, 2)

/** The KVM id of a register that TCG lists under `id`, and the other way round: the two change places. */
export function exchangeTcgId(id: bigint): bigint {
  if (id === CVAL) return CNT
  return id === CNT ? CVAL : id
}
