// Owns the host's side of the layout that the probe guest's memory has; guest/probe/layout.h is the guest's. A test compares the two.

export const GUEST_LAYOUT = {
  params: 0x4000_0000n,
  report: 0x4000_1000n,
  reportBytes: 0x7000,
  image: 0x4008_0000n,
  /** What the guest needs from the start of RAM on. */
  ramBytes: 0x10_0000,
  maxVcpus: 64,
  paramsMagic: 0x4d52_4150_5041_4e53n,
  reportMagic: 0x5450_4552_504e_5350n,
  reportVersion: 1,
} as const

/** Offsets in the parameter block. */
export const PARAMS = { magic: 0x00, vcpus: 0x08, action: 0x0c, rounds: 0x10, flags: 0x14, arg1: 0x18, arg2: 0x20, delay: 0x28, bytes: 0x30 } as const
export const ACTION = { none: 0, off: 1, hibernate: 2, suspend: 3, reset: 4, reset2: 5 } as const
export const FLAG_EXCLUSIVE = 1

/** Offsets in the report. */
export const REPORT = {
  magic: 0x00,
  version: 0x08,
  vcpus: 0x0c,
  generation: 0x10,
  questions: 0x18,
  registers: 0x1c,
  differences: 0x20,
  actionResult: 0x28,
  actionDone: 0x30,
  exceptions: 0x38,
  esr: 0x40,
  elr: 0x48,
  far: 0x50,
  boots: 0x58,
  resumes: 0x60,
  shared: 0x68,
  vcpuRows: 0x100,
  questionRows: 0x1000,
  registerRows: 0x6000,
} as const
export const VCPU_ROW = 0x20
export const QUESTION_ROW = 0x60
export const QUESTION_SMC = 1
export const QUESTION_PRESENCE = 2
export const REGISTER_ROW = 0x18
export const UNREADABLE = 0xfee1_dead_fee1_deadn
