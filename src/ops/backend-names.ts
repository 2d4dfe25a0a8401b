// Owns the names of the two back ends, for those who must not load either: every start of the command line knows its flags.

export const BACKENDS = ['emulator', 'kvm'] as const
export type BackendName = (typeof BACKENDS)[number]
