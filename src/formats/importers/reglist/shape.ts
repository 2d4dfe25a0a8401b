// Owns the shape of a kvm-reglist file, shared by its reader and its writer. DESIGN.md §6 is the contract; docs/format.md says it in full.

export const REGLIST_FORMAT = 'kvm-reglist'
export const REGLIST_VERSION = 1
export const GICS = ['none', 'v2', 'v3'] as const
export const MP_STATES = ['runnable', 'stopped', 'suspended'] as const
export const TOP_KEYS: readonly string[] = ['format', 'version', 'kernel', 'cpu', 'gic', 'vcpus']
export const VCPU_KEYS: readonly string[] = ['features', 'mpState', 'registers']
export const REGLIST_LIMITS = { depth: 16, items: 4_000_000, vcpus: 4096, registers: 65536 } as const
