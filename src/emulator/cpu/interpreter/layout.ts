// Owns where things are in an engine's linear memory below the guest's RAM, and the codes with which generated code returns. Knows no instruction.

/** Fixed addresses. Registers are copied here from the vCPU's block when it runs: X0 to X30, the stack pointer in use, zero, and a place for discarded results. */
export const AT = {
  registers: 0x100,
  flagKind: 0x220,
  flagA: 0x228,
  flagB: 0x230,
  pc: 0x238,
  exit: 0x240,
  exitAddress: 0x248,
  /** Bytes of the access; bit 8: it writes. */
  exitAccess: 0x250,
  /** Virtual address of the page being executed, and its first record. */
  pageAddress: 0x258,
  pageRecords: 0x260,
  block: 0x264,
  /** 15 where a misaligned stack pointer faults, else 0. */
  stackMask: 0x268,
  /** Not 0: every access is checked for alignment, and none is remembered. */
  strict: 0x26c,
  regionCount: 0x270,
  /** Look-up tables of the vCPU that runs, at its exception level: data accesses (reads; writes are TABLE.bytes behind), unprivileged ones, code. */
  tlb: 0x274,
  unprivilegedTlb: 0x278,
  codeHash: 0x27c,
  regions: 0x280,
  /** V0 to V31, then FPSR and FPCR: copied from and to the block like the general registers. */
  vectors: 0x400,
  fpsr: 0x600,
  fpcr: 0x604,
  /** Not 0: FP and SIMD instructions trap at this exception level (CPACR_EL1.FPEN). */
  fpTrapped: 0x608,
  /** An access that crosses into another page goes through here: its bytes (64 at most), where the two parts really are, and the length of the first. */
  crossing: 0x640,
  crossingFirst: 0x680,
  crossingSecond: 0x684,
  crossingLength: 0x688,
  /** Translation of the vCPU that runs (mmu/): physical address of an access outside RAM, and of its second page or all ones; its bank of look-up tables; and what the fast walker reads. */
  exitPhysical: 0x800,
  bank: 0x808,
  /** By class of access (WALK_CLASS) a u32: which of the 16 combinations of a page's permission bits allow it. */
  permissions: 0x810,
  /** Bit n: MAIR_EL1.Attr<n> is Normal memory. Not 0: descriptors with DBM are writable. */
  normalMemory: 0x828,
  hardwareDirty: 0x82c,
  exitSecondPage: 0x830,
  /** The two halves of the address space (HALF). */
  halves: 0x840,
  /** Watchpoints of the vCPU that runs: how many ranges (WATCH), and the ranges. */
  watchCount: 0xa00,
  watchRanges: 0xa08,
  /** Machine time when generated code was entered (two words), instructions it may attempt, and what the counters are made of: see Counters in engine.ts. */
  entryTime: 0xe80,
  entryCount: 0xe88,
  tickShift: 0xe8c,
  virtualOffset: 0xe90,
  physicalOffset: 0xe98,
  /** Not 0: reading the virtual counter traps at this exception level. */
  counterTrapped: 0xea0,
  /** How many instructions are left when a region returns. */
  left: 0xd00,
  /** How often a branch is taken before its target is noted as hot. */
  hotThreshold: 0xd04,
  /** How often control arrived otherwise (see arrive), and how many counted arrivals make a record hot: 1 to 127. */
  arrivals: 0xd18,
  hotArrivals: 0xd1c,
  /** Records noted as hot: how many, and which (HOT_RECORDS at most). */
  hotCount: 0xd08,
  /** Compiled regions' places of entry: address of the first SLOT, and how many have ever been used. */
  slots: 0xd0c,
  slotCount: 0xd10,
  /** Not 0: a store has dropped regions. */
  regionsDropped: 0xd14,
  hot: 0xd40,
  blocks: 0x1000,
} as const

/**
 * A bank of look-up tables in linear memory: for data accesses by who makes them, a table for reads and one for writes each; then code by exception level.
 * Then which addresses have entries that are pieces of blocks: a byte for each 2 MiB, for each 1 GiB (by the low bits of their number), and one for larger ones.
 */
export const TABLES = {
  el0: 0x0000,
  el1: 0x8000,
  el1Pan: 0x10000,
  dataBytes: 0x18000,
  codeEl0: 0x18000,
  codeEl1: 0x1c000,
  blocks: 0x20000,
  blocks2M: 0x20000,
  blocks1G: 0x21000,
  hugeBlocks: 0x22000,
  bytes: 0x22040,
  blockMask: 0xfff,
} as const
/** A range of addresses that a watchpoint looks at: first and last byte (u64, 56 bits), and who is looked at now: bit n for the accesses of class n (WALK_CLASS). */
export const WATCH = { start: 0, last: 8, flags: 16, bytes: 24 } as const

/** A vCPU has a bank for each of the translation regimes that it used last: address spaces keep their entries when Linux switches between them. */
export const BANKS = 4

/** What the fast walker knows of one half of the address space; u64 but for kinds, flags and shifts of 32 bits. */
export const HALF = {
  base: 0,
  firstMask: 8,
  addressMask: 16,
  highMask: 24,
  highShift: 32,
  forbidden: 40,
  tableAttributes: 48,
  /** KIND for the accesses of the exception level, and for unprivileged ones. */
  kind: 56,
  unprivilegedKind: 60,
  tbi: 64,
  tbiFetch: 68,
  inputBits: 72,
  strideMask: 80,
  blockShifts: 88,
  startShift: 96,
  stride: 104,
  granuleBits: 112,
  bytes: 128,
} as const
/** `slow`: the runtime decides; `off`: addresses are physical; `walk`: by tables. */
export const KIND = { slow: 0, off: 1, walk: 2 } as const
/** Who accesses: data of the exception level's own (+1: a write), unprivileged data (+1), instructions. */
export const WALK_CLASS = { read: 0, write: 1, unprivilegedRead: 2, unprivilegedWrite: 3, fetch: 4 } as const
/** What translation in generated code gives: the physical address with these bits, or a negative number where it does not settle the access. */
export const WALKED = { address: (1n << 52n) - 1n, device: 1n << 62n } as const

/** A RAM region: start and size (u64), linear address of its first byte and of its code map (u32). The code map has a u32 per page: its records, 0 if none. */
export const REGION = { start: 0, size: 8, linear: 16, codeMap: 20, bytes: 24, limit: 16 } as const

/** Look-up tables: 1024 entries of 16 bytes, by bits 21:12 of the address. Tag (address without its low 12 bits; all ones: empty), then a u32. */
export const TABLE = { entries: 1024, bytes: 0x4000, indexMask: 0x3ff0, indexShift: 8, value: 8 } as const

/** A decoded instruction. A page has 1024 and one that leads to the next page. Branches use neither m nor a: they count there how often they are taken. */
export const RECORD = { op: 0, d: 2, n: 3, m: 4, a: 5, taken: 4, b: 6, aux: 6, imm: 8, bytes: 16 } as const
export const PAGE_WORDS = 1024
/** Behind the records a byte for each word: whether it is part of a compiled region, and how often control came there other than by an interpreted branch. */
export const PAGE_MARKS = (PAGE_WORDS + 1) * RECORD.bytes
export const MARK = { compiled: 0x80, arrivals: 0x7f } as const
/** One in so many arrivals is counted. */
export const ARRIVALS_COUNTED = 16
export const PAGE_RECORD_BYTES = PAGE_MARKS + PAGE_WORDS

/** A place where compiled code is entered: its record, that record's page (0: nothing is there), and the operation that the record had. */
export const SLOT = { page: 0, record: 4, op: 8, bytes: 16, limit: 4096 } as const
export const HOT_RECORDS = 64
/** What compiled code adds to the record that it returns: the interpreter executes this one, even if a region begins there. */
export const INTERPRET = 1

/** Operations that are not instructions: a word not decoded yet (all zero), and the end of a page. Instructions follow, then the slots of compiled regions. */
export const OP_DECODE = 0
export const OP_NEXT_PAGE = 1
export const FIRST_OP = 2

/** Why generated code returned. Except for `budget`, `decode` and `fetch` the instruction at PC has been counted and has changed nothing. */
export const EXIT = { budget: 0, decode: 1, fetch: 2, trap: 3, outside: 4, alignment: 5, stackAlignment: 6, translation: 7, watchpoint: 8 } as const
