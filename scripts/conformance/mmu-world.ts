// Owns random translation regimes: tables with everything that can be in them, and accesses to what they map. Knows no engine.
import { type AccessCase, type Memory, PLACE, type Regime } from './mmu-memory.ts'
import type { Harness } from './mmu-reference.ts'
import type { Random } from './words.ts'

/** What a CPU offers, as far as tables and accesses can show it. */
export interface MmuCpu {
  readonly name: string
  readonly granules: readonly (12 | 14 | 16)[]
  readonly pan: boolean
  readonly uao: boolean
  /** 52-bit addresses (TCR_EL1.DS; 64K granules with T0SZ below 16), hierarchical permissions that can be disabled, managed flags. */
  readonly newer: boolean
  readonly physicalBits: number
}
export const MMU_CPUS: readonly MmuCpu[] = [
  { name: 'cortex-a72', granules: [12, 16], pan: false, uao: false, newer: false, physicalBits: 44 },
  { name: 'max', granules: [12, 14, 16], pan: true, uao: true, newer: true, physicalBits: 52 },
]

export interface World {
  readonly regime: Regime
  readonly cases: readonly AccessCase[]
  readonly description: string
}

const SCTLR = {
  m: 1n,
  a: 2n,
  sa: 8n,
  c: 4n,
  i: 1n << 12n,
  dze: 1n << 14n,
  uci: 1n << 26n,
  wxn: 1n << 19n,
  span: 1n << 23n,
  res1: 0x30d0_0800n & ~(1n << 23n),
} as const
const EL1H = 0x3c5
const EL0 = 0x3c0
const PAN = 1 << 22
const UAO = 1 << 23
const ATTRIBUTES = 0x0c_44_00_ffn // Normal write-back, Device-nGnRnE, Normal non-cacheable, Device-GRE
const UNTOUCHED = 1n // an address that is in no RAM: bit 32 and no other
const OUTPUT_BITS = [32, 36, 40, 42, 44, 48, 52]
const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n

export function makeWorld(memory: Memory, cpu: MmuCpu, harness: Harness, random: Random, count: number): World {
  const below = (limit: number): number => random() % limit
  const chance = (percent: number): boolean => below(100) < percent
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!
  const big = (): bigint => (BigInt(random()) << 32n) | BigInt(random())

  fillFrames(memory, random)
  memory.bytes.set(harness.image)

  // The regime.
  const granules = [pick(cpu.granules), pick(cpu.granules)] as const
  const wide = cpu.newer && chance(25)
  const ips = chance(50) ? OUTPUT_BITS.findLastIndex(bits => bits <= cpu.physicalBits) : 1 + below(6)
  const sizes = granules.map(granule => {
    const least = cpu.newer && (wide || granule === 16) && chance(60) ? 12 : 16
    const most = granule === 16 ? 64 - 33 : 64 - 34 // what the check maps for itself must be reachable
    return least + below(Math.min(most, 30) - least + 1)
  }) as [number, number]
  const outputBits = (granule: number): number => Math.min(OUTPUT_BITS[ips]!, cpu.physicalBits, wide || (granule === 16 && cpu.physicalBits >= 52) ? 52 : 48)
  const managed = cpu.newer && chance(50)
  const tg0 = { 12: 0n, 14: 2n, 16: 1n }[granules[0]]
  const tg1 = { 12: 2n, 14: 1n, 16: 3n }[granules[1]]
  const flag = (percent: number, at: number): bigint => (chance(percent) ? 1n << BigInt(at) : 0n)
  const tcr =
    BigInt(sizes[0]) |
    (BigInt(sizes[1]) << 16n) |
    (tg0 << 14n) |
    (tg1 << 30n) |
    (BigInt(ips) << 32n) |
    (1n << 36n) |
    flag(40, 37) |
    flag(40, 38) |
    flag(10, 23) |
    (BigInt(below(4)) << 12n) |
    (BigInt(below(4)) << 28n) |
    flag(30, 22) |
    (managed ? (1n << 39n) | flag(60, 40) : 0n) |
    (cpu.newer ? flag(20, 41) | flag(20, 42) | (wide ? 1n << 59n : 0n) : 0n)
  const sctlr =
    SCTLR.res1 |
    SCTLR.m |
    SCTLR.c |
    SCTLR.i |
    SCTLR.sa |
    SCTLR.dze |
    SCTLR.uci |
    (chance(30) ? SCTLR.a : 0n) |
    (chance(25) ? SCTLR.wxn : 0n) |
    (chance(80) ? SCTLR.span : 0n)

  // Its tables: two for the lower half, which cases switch between, and one for the upper.
  let nextTable: bigint = PLACE.tables
  const allocate = (granule: number): bigint => {
    const size = 1n << BigInt(granule)
    const at = (nextTable + size - 1n) & ~(size - 1n)
    nextTable = at + size
    if (nextTable > PLACE.end) throw new Error('too many tables')
    return at
  }
  const encode = (granule: number, address: bigint): bigint => {
    if (wide && granule !== 16) return (address & ones(50)) | ((address >> 42n) & 0x300n)
    return outputBits(granule) === 52 || (granule === 16 && cpu.physicalBits >= 52) ? (address & ones(48)) | ((address >> 36n) & 0xf000n) : address & ones(48)
  }
  const decode = (granule: number, descriptor: bigint): bigint => {
    if (wide && granule !== 16) return (descriptor & ones(50) & ~0xfffn) | ((descriptor & 0x300n) << 42n)
    const low = descriptor & ones(48) & ~ones(granule)
    return granule === 16 && cpu.physicalBits >= 52 ? low | ((descriptor & 0xf000n) << 36n) : low
  }
  interface Tree {
    readonly granule: 12 | 14 | 16
    readonly inputBits: number
    readonly root: bigint
    readonly upper: boolean
  }
  const tree = (half: 0 | 1): Tree => ({ granule: granules[half], inputBits: 64 - sizes[half], root: allocate(granules[half]), upper: half === 1 })
  const shiftOf = (granule: number, level: number): number => (3 - level) * (granule - 3) + granule
  const startOf = ({ granule, inputBits }: Tree): number => 3 - Math.floor((inputBits - 1 - granule) / (granule - 3))
  /** Calls `make` for the entry of each level on the way to a page; a descriptor that is a table leads on. */
  const descend = (of: Tree, address: bigint, make: (entry: bigint, level: number, shift: number) => void): void => {
    let table = of.root
    for (let level = startOf(of); level <= 3; level++) {
      const shift = shiftOf(of.granule, level)
      const bits = level === startOf(of) ? of.inputBits - shift : of.granule - 3
      const entry = table + ((address >> BigInt(shift)) & ones(bits)) * 8n
      if (memory.get(entry) === 0n) make(entry, level, shift)
      const descriptor = memory.get(entry)
      if (level === 3 || (descriptor & 3n) !== 3n) return
      table = decode(of.granule, descriptor)
      if (table < PLACE.tables || table >= PLACE.end) return
    }
  }
  const own = (of: Tree): void => {
    const step = 1n << BigInt(of.granule)
    const map = (from: bigint, to: bigint, bits: bigint): void => {
      for (let page = from; page < to; page += step) {
        descend(of, page, (entry, level) => {
          memory.set(entry, level === 3 ? encode(of.granule, page) | bits | 0x403n : encode(of.granule, allocate(of.granule)) | 3n)
        })
      }
    }
    const [executableByEl1, user] = [1n << 7n, 0b11n << 6n]
    map(PLACE.code, PLACE.userCode, executableByEl1)
    map(PLACE.userCode, PLACE.parameters, user)
    map(PLACE.parameters, PLACE.parameters + 0x1_0000n, 0n)
    map(PLACE.cases, PLACE.results + 0x8_0000n, 0n)
    map(PLACE.tables, PLACE.tables + 0x40_0000n, 0n)
  }
  const low = [tree(0), tree(0)] as const
  const high = tree(1)
  for (const each of low) own(each)

  const badAddress = (granule: number): bigint | undefined => {
    const most = outputBits(granule)
    return most < 48 ? 1n << BigInt(most + below(48 - most)) : undefined
  }
  const leafBits = (): bigint =>
    (chance(88) ? 1n << 10n : 0n) |
    (BigInt(below(4)) << 6n) |
    (BigInt(pick([0, 0, 0, 1, 2, 3])) << 2n) |
    (wide ? 0n : BigInt(below(4)) << 8n) |
    flag(50, 11) |
    flag(25, 53) |
    flag(25, 54) |
    flag(10, 52) |
    flag(40, 51)
  const blockAllowed = (granule: number, level: number): boolean =>
    level === 2 || (level === 1 && (granule === 12 || wide)) || (level === 0 && wide && granule === 12)
  const frame = (): bigint => PLACE.frames + (BigInt(below(Number(PLACE.framesEnd - PLACE.frames))) & ~0xfffn)
  interface Page {
    readonly address: bigint
    readonly tree: Tree
    /** The last descriptor on the way: its place, and one that maps a frame there. */
    readonly entry: bigint
    readonly shift: number
  }
  const leaf = (granule: number, level: number, shift: number): bigint => {
    const bad = chance(4) ? badAddress(granule) : undefined
    const base = shift > 30 ? 0n : (frame() >> BigInt(shift)) << BigInt(shift)
    return encode(granule, bad === undefined ? base : base | bad) | leafBits() | (level === 3 ? 3n : 1n)
  }
  /** One random way through a tree. */
  const grow = (of: Tree): Page => {
    const prefix = of.upper ? ~ones(of.inputBits) : 0n
    const target = frame()
    let address = big() & ones(of.inputBits) & ~0xfffn
    if (chance(50)) address = (address & ~ones(21)) | (target & ones(21))
    if (chance(30)) address = (address & ~ones(30)) | (target & ones(30))
    let last = { entry: of.root, shift: 0 }
    descend(of, address, (entry, level, shift) => {
      last = { entry, shift }
      const roll = below(100)
      if (level === 3) memory.set(entry, roll < 6 ? big() & ~1n : roll < 9 ? leaf(of.granule, 3, shift) & ~2n : leaf(of.granule, 3, shift))
      else if (roll < 5) memory.set(entry, (big() & ~1n) | 0x10n)
      else if (roll < 20 && blockAllowed(of.granule, level)) memory.set(entry, leaf(of.granule, level, shift))
      else {
        const bits = flag(15, 59) | flag(15, 60) | flag(10, 61) | flag(15, 62)
        const bad = roll < 23 ? badAddress(of.granule) : undefined
        const at = bad ?? (roll < 26 ? UNTOUCHED << 32n : allocate(of.granule))
        memory.set(entry, encode(of.granule, at) | bits | 3n)
      }
    })
    // A block's address has to lead to the frames.
    const descriptor = memory.get(last.entry)
    if (last.shift > of.granule && (descriptor & 3n) === 1n) address = (address & ~ones(last.shift)) | (target & ones(last.shift))
    return { address: BigInt.asUintN(64, prefix | address), tree: of, entry: last.entry, shift: last.shift }
  }
  const pages = Array.from({ length: 60 }, () => grow(chance(70) ? low[0] : chance(40) ? low[1] : high)).filter(({ shift }) => shift !== 0)
  for (const page of [...pages]) {
    const beside = page.address + 0x1000n
    if (chance(30)) pages.push({ ...page, address: beside })
  }

  // The accesses.
  const asid = (n: number): bigint => BigInt(n) << 48n
  const roots = low.map(({ root }, i) => root | asid(1 + i))
  const ttbr1 = high.root | asid(3)
  /** TCR_EL1.A1: the ASID is TTBR1_EL1's. Then TTBR0_EL1 cannot change without a TLBI. */
  const ownAsid = (tcr & (1n << 22n)) === 0n
  const offset = (wideAccess: boolean): bigint =>
    chance(60) ? BigInt(below(256) * 8) : chance(30) ? BigInt(0x1000 - 1 - below(wideAccess ? 15 : 7)) : BigInt(below(0x1000))
  const anywhere = (): bigint => {
    const { address } = pick(pages)
    const roll = below(100)
    if (roll < 4) return big()
    if (roll < 8) return address ^ (1n << BigInt(below(64)))
    if (roll < 14) return address ^ (BigInt(below(256)) << 56n)
    return address
  }
  const cases: AccessCase[] = []
  const add = (operation: string, address: bigint, more: Partial<AccessCase> = {}): void => {
    const user = operation.startsWith('user')
    const pstate = user ? EL0 : EL1H | (cpu.pan && chance(30) ? PAN : 0) | (cpu.uao && chance(20) ? UAO : 0)
    const link = user ? harness.el0Return : harness.el1Return
    cases.push({ operation, address: BigInt.asUintN(64, address), value: big(), x3: 0n, pstate, link, ...more })
  }
  while (cases.length < count) {
    const roll = below(100)
    if (roll < 30)
      add(pick(['load8', 'load4', 'load2', 'load1', 'load_signed', 'load_pair', 'load_exclusive', 'user_load8', 'user_load1']), anywhere() + offset(true))
    else if (roll < 40) add(pick(['load_unprivileged', 'load_unprivileged_byte', 'store_unprivileged']), anywhere() + offset(false))
    else if (roll < 62) add(pick(['store8', 'store4', 'store1', 'user_store8', 'zero_block', 'user_zero_block']), anywhere() + offset(false))
    else if (roll < 74) add(pick(['branch', 'user_branch']), anywhere() + 0x800n + BigInt(below(0x800) & (chance(90) ? ~7 : ~0)))
    else if (roll < 88) add(pick(['at_s1e1r', 'at_s1e1w', 'at_s1e0r', 'at_s1e0w', ...(cpu.pan ? ['at_s1e1rp', 'at_s1e1wp'] : [])]), anywhere() + offset(false))
    else if (roll < 92) {
      if (ownAsid) add('switch_ttbr0', 0n, { value: pick(roots) })
    } else {
      const page = pick(pages)
      const level = 3 - (page.shift - page.tree.granule) / (page.tree.granule - 3)
      if (level < 3 && (memory.get(page.entry) & 3n) === 3n) continue
      const descriptor = chance(15) ? 0n : level === 3 || blockAllowed(page.tree.granule, level) ? leaf(page.tree.granule, level, page.shift) : 0n
      const operation = pick(['map_vmalle1', 'map_vae1is', 'map_vale1', 'map_vaae1', 'map_vaale1is', 'map_aside1is'])
      const operand = (page.address >> 12n) & ones(44)
      const asids = [...new Set([...roots, ttbr1].map(each => each >> 48n))]
      const remap = (operation: string, asid: bigint): void => add(operation, operand | (asid << 48n), { value: descriptor, x3: page.entry, pstate: EL1H })
      if (operation === 'map_vmalle1' || operation === 'map_vaae1' || operation === 'map_vaale1is') remap(operation, 0n)
      if (operation === 'map_vae1is' || operation === 'map_vale1' || operation === 'map_aside1is') for (const each of asids) remap(operation, each)
      if (operation === 'map_aside1is') remap('map_vaae1', 0n) // a global translation outlives it
      cases.length = Math.min(cases.length, count)
    }
  }
  const regime: Regime = { ttbr0: roots[0]!, ttbr1, tcr, mair: ATTRIBUTES, sctlr }
  const description = `${cpu.name}, granules 2^${granules[0]} and 2^${granules[1]}, sizes ${sizes}, IPS ${ips}${wide ? ', 52 bits' : ''}${managed ? ', managed flags' : ''}`
  return { regime, cases, description }
}

/** Every 4 KiB of the frames: first half random, second half code that loads a number of its own and returns. */
function fillFrames(memory: Memory, random: Random): void {
  for (let page: bigint = PLACE.frames; page < PLACE.framesEnd; page += 0x1000n) {
    const number = (page - PLACE.frames) >> 12n
    const code = (0xd65f03c0n << 32n) | 0xd2800002n | (number << 5n) // mov x2, #number; ret
    for (let at = 0n; at < 0x800n; at += 8n) {
      memory.set(page + at, (BigInt(random()) << 32n) | BigInt(random()))
      memory.set(page + 0x800n + at, code)
    }
  }
}
