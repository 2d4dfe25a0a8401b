// Owns what the end of a run means for a snapshot: a system event of the kernel's becomes a stop reason. Source: facts/kvm-arm64-rules.md §2 and §3
// (system events), recordings (event). Runs nothing.
import { errnoName } from '../arch/errno.ts'
import { exitName, SYSTEM_EVENTS } from '../arch/exits.ts'
import type { VcpuExit } from '../backends/backend.ts'
import { SnapError } from '../errors.ts'
import type { StopReason } from '../model/snapshot.ts'

const eventType = (name: string): number => SYSTEM_EVENTS.find(event => event.name === name)!.type
const SHUTDOWN = eventType('SHUTDOWN')
const RESET = eventType('RESET')
const SUSPEND = eventType('SUSPEND')
/** KVM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2 and KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2: both bit 0 of data[0]. */
const FLAG = 1n

/** Why the guest stopped; `isReset2`: type and cookie are still in X1 and X2 of the calling vCPU. Throws CANNOT_EXECUTE for an exit that is no end. */
export function stopReasonOf(exit: VcpuExit, vcpu: number): { readonly stop: StopReason; readonly isReset2: boolean } {
  if (exit.kind === 'system-event') {
    const flagged = ((exit.data[0] ?? 0n) & FLAG) !== 0n
    if (exit.type === SHUTDOWN) return { stop: flagged ? 'hibernated' : 'off', isReset2: false }
    if (exit.type === RESET) return { stop: 'reset', isReset2: flagged }
    if (exit.type === SUSPEND) return { stop: 'suspended', isReset2: false }
  }
  const what =
    exit.kind === 'mmio'
      ? `an access to 0x${exit.address.toString(16)}, where nothing is`
      : exit.kind === 'system-event'
        ? `system event ${exit.type}`
        : exit.kind === 'error'
          ? `${errnoName(exit.errno)} from KVM_RUN`
          : exit.kind === 'other'
            ? exitName(exit.reason)
            : exit.kind
  throw new SnapError('CANNOT_EXECUTE', `vCPU ${vcpu} left the machine with ${what}`, { vcpu })
}
