// Owns what is left to know of a guest that ended: why, and the arguments of the call that did it.
import { coreId } from '../arch/reg-id.ts'
import type { BackendVcpu, VcpuExit } from '../backends/backend.ts'
import type { StopReason } from '../model/snapshot.ts'
import { getU64 } from './one-register.ts'
import { stopReasonOf } from './stop-reason.ts'

export interface EndState {
  readonly stop: StopReason
  /** SYSTEM_RESET2's type and cookie. */
  readonly arguments?: readonly bigint[]
}

const X1 = coreId(2)
const X2 = coreId(4)

/** Throws CANNOT_EXECUTE for an exit that is no end. */
export async function endState(exit: VcpuExit, index: number, vcpus: readonly BackendVcpu[]): Promise<EndState> {
  const { stop, isReset2 } = stopReasonOf(exit, index)
  const caller = vcpus.find(vcpu => vcpu.index === index)
  if (!isReset2 || !caller) return { stop }
  return { stop, arguments: [(await getU64(caller, X1)) ?? 0n, (await getU64(caller, X2)) ?? 0n] }
}
