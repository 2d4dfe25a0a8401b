// Owns where one vCPU's state lives inside its block, for the register store (kvm/) and the CPU engine (cpu/) alike.
// Until a VM runs, a block is plain memory; at the first run the engine copies it into its linear memory and the store's views follow.
// The first 864 bytes are struct kvm_regs of the KVM ABI, so the byte offset of a core register is its id's index × 4.

export const VCPU_STATE = {
  x: 0x000, // X0 … X30
  spEl0: 0x0f8,
  pc: 0x100,
  pstate: 0x108, // SPSR layout: N Z C V in 31:28, D A I F in 9:6, M in 3:0
  spEl1: 0x110,
  elrEl1: 0x118,
  spsrEl1: 0x120, // then ABT, UND, IRQ, FIQ
  v: 0x150, // V0 … V31, 16 bytes each
  fpsr: 0x350,
  fpcr: 0x354,
  coreEnd: 0x360, // sizeof(struct kvm_regs)
  engine: 0x360, // the engine's own: lazy flags, exclusive monitor, pending exit …; zero means "nothing pending"
  sysregs: 0x600, // 8 bytes per system register, in the build's slot order
} as const
/** Bytes of one block: room for 436 system registers (the longest recorded list has fewer than 300). */
export const VCPU_STATE_BYTES = 0x1400
