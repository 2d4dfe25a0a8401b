// Owns the engine's own part of a vCPU's block (VCPU_STATE.engine to VCPU_STATE.sysregs): what a saved vCPU must carry so that its future is identical.
// All zero: nothing pending, monitor open, event register clear.
import { VCPU_STATE } from '../state-layout.ts'

const base = VCPU_STATE.engine
export const ENGINE_STATE = {
  /** Interrupt inputs: LINE bits. */
  lines: base,
  /** ISS of the pending SError. */
  serror: base + 4,
  /** Event register of WFE. */
  event: base + 8,
  /** Bytes marked by the last load-exclusive, 0 when the monitor is open; and their address. */
  monitorSize: base + 12,
  monitorAddress: base + 16,
  /** How the instruction before was executed, for a Software Step exception: STEPPED of debug/enabled.ts. */
  stepped: base + 24,
  /** Not 0: debug exceptions may depend on PSTATE.D, so whoever writes it leaves generated code. Follows from MDSCR_EL1. */
  debugging: base + 28,
} as const

export const LINE = { irq: 1, fiq: 2, serror: 4 } as const
