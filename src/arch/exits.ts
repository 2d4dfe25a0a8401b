// table of what KVM_RUN returns with, and of what a vCPU may be: exit reasons, system events, MP states. Names and numbers only.
// Sources: include/uapi/linux/kvm.h; facts/kvm-arm64-rules.md §2; recordings (event, mpstate).

/** Exit reasons that a VMM meets on arm64. */
export const KVM_EXIT = {
  UNKNOWN: 0,
  HYPERCALL: 3,
  DEBUG: 4,
  MMIO: 6,
  SHUTDOWN: 8,
  FAIL_ENTRY: 9,
  INTR: 10,
  INTERNAL_ERROR: 17,
  SYSTEM_EVENT: 24,
  ARM_NISV: 28,
  DIRTY_RING_FULL: 31,
  MEMORY_FAULT: 39,
  ARM_SEA: 41,
  ARM_LDST64B: 42,
} as const

const EXIT_NAMES = new Map<number, string>(Object.entries(KVM_EXIT).map(([name, number]) => [number, name]))
/** `SYSTEM_EVENT` for 24; `exit 99` for one that is not in the table. */
export const exitName = (reason: number): string => EXIT_NAMES.get(reason) ?? `exit ${reason}`

export interface SystemEvent {
  readonly type: number
  readonly name: string
  readonly flags: readonly { readonly bit: number; readonly name: string; readonly since: string }[]
  readonly meaning: string
}

/** KVM_EXIT_SYSTEM_EVENT by type. `flags` is data[0] when ndata is 1. */
export const SYSTEM_EVENTS: readonly SystemEvent[] = [
  {
    type: 1,
    name: 'SHUTDOWN',
    flags: [{ bit: 0, name: 'PSCI_OFF2', since: '6.13' }],
    meaning: 'the guest called SYSTEM_OFF, or SYSTEM_OFF2 to hibernate when the flag is set',
  },
  {
    type: 2,
    name: 'RESET',
    flags: [{ bit: 0, name: 'PSCI_RESET2', since: '5.18' }],
    meaning: 'the guest called SYSTEM_RESET, or SYSTEM_RESET2 when the flag is set; then x1 and x2 keep type and cookie',
  },
  { type: 3, name: 'CRASH', flags: [], meaning: 'not used on arm64' },
  { type: 4, name: 'WAKEUP', flags: [], meaning: 'an interrupt is pending for a suspended vCPU' },
  { type: 5, name: 'SUSPEND', flags: [], meaning: 'the guest called SYSTEM_SUSPEND; registers are as it left them' },
  { type: 6, name: 'SEV_TERM', flags: [], meaning: 'not used on arm64' },
  { type: 7, name: 'TDX_FATAL', flags: [], meaning: 'not used on arm64' },
]

/** KVM_GET/SET_MP_STATE values that arm64 knows. */
export const MP_STATES = [
  { value: 0, name: 'runnable', constant: 'KVM_MP_STATE_RUNNABLE', meaning: 'on' },
  { value: 5, name: 'stopped', constant: 'KVM_MP_STATE_STOPPED', meaning: 'off: CPU_OFF, or never switched on' },
  { value: 10, name: 'suspended', constant: 'KVM_MP_STATE_SUSPENDED', meaning: 'waits for an interrupt, which the VMM is told of; from 5.19' },
] as const
export type MpStateName = (typeof MP_STATES)[number]['name']

/** `stopped` for 5; undefined for a value that arm64 refuses. */
export const mpStateName = (value: number): MpStateName | undefined => MP_STATES.find(row => row.value === value)?.name
export const mpStateValue = (name: MpStateName): number => MP_STATES.find(row => row.name === name)?.value ?? 0
