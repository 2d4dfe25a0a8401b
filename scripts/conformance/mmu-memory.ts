// Owns where things are in the memory of the translation check, and how its parameters, cases and results are laid out. Knows no engine.
export const MEMORY = { start: 0x4200_0000n, bytes: 0x200_0000 } as const
/** EL1's code, EL0's, parameters, cases, results: whole 64 KiB pages. Then the frames that everything random leads to, and the tables. */
export const PLACE = {
  code: 0x4200_0000n,
  userCode: 0x4201_0000n,
  parameters: 0x4202_0000n,
  cases: 0x4210_0000n,
  results: 0x4220_0000n,
  frames: 0x4280_0000n,
  framesEnd: 0x42a0_0000n,
  tables: 0x4300_0000n,
  end: 0x4400_0000n,
} as const
export const CASE_BYTES = 64
export const RESULT_BYTES = 64
export const IDENTIFICATION = 128
/** In the order of mmu-harness.S. */
export const OPERATIONS = [
  'load8 load4 load2 load1 load_signed load_pair load_exclusive load_unprivileged load_unprivileged_byte store8 store4 store1 store_unprivileged zero_block branch',
  'at_s1e1r at_s1e1w at_s1e0r at_s1e0w at_s1e1rp at_s1e1wp map_vmalle1 map_vae1is map_vale1 map_vaae1 map_vaale1is map_aside1is switch_ttbr0',
  'user_load8 user_load1 user_store8 user_zero_block user_branch',
].flatMap(line => line.split(' '))

export interface Regime {
  readonly ttbr0: bigint
  readonly ttbr1: bigint
  readonly tcr: bigint
  readonly mair: bigint
  readonly sctlr: bigint
}

export interface AccessCase {
  readonly operation: string
  readonly address: bigint
  readonly value: bigint
  readonly x3: bigint
  readonly pstate: number
  /** X30: where a branch comes back to. */
  readonly link: bigint
}

export interface AccessResult {
  readonly esr: bigint
  readonly far: bigint
  readonly elr: bigint
  readonly x2: bigint
  readonly x3: bigint
}

/** ID_AA64MMFR0 to MMFR2, ISAR0, ISAR1, PFR0, DCZID. */
export type Identification = readonly [mmfr0: bigint, mmfr1: bigint, mmfr2: bigint, isar0: bigint, isar1: bigint, pfr0: bigint, dczid: bigint]

/** Memory of the check, with accessors by physical address. */
export class Memory {
  readonly bytes = new Uint8Array(MEMORY.bytes)
  readonly #view = new DataView(this.bytes.buffer)
  get(address: bigint): bigint {
    return this.#view.getBigUint64(Number(address - MEMORY.start), true)
  }
  set(address: bigint, value: bigint): void {
    this.#view.setBigUint64(Number(address - MEMORY.start), BigInt.asUintN(64, value), true)
  }
}

export function writeRun(memory: Memory, regime: Regime, cases: readonly AccessCase[]): void {
  const { ttbr0, ttbr1, tcr, mair, sctlr } = regime
  const parameters = [ttbr0, ttbr1, tcr, mair, sctlr, BigInt(cases.length), PLACE.cases, PLACE.results, MEMORY.start, BigInt(MEMORY.bytes)]
  parameters.forEach((value, i) => void memory.set(PLACE.parameters + BigInt(i * 8), value))
  cases.forEach(({ operation, address, value, x3, pstate, link }, i) => {
    const at = PLACE.cases + BigInt(i * CASE_BYTES)
    const fields = [BigInt(OPERATIONS.indexOf(operation)), address, value, x3, BigInt(pstate), link]
    fields.forEach((field, n) => void memory.set(at + BigInt(n * 8), field))
  })
}

/** From memory as the run left it. */
export function readResults(bytes: Uint8Array, count: number): readonly AccessResult[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset + Number(PLACE.results - MEMORY.start), count * RESULT_BYTES)
  return Array.from({ length: count }, (_, i) => {
    const field = (n: number): bigint => view.getBigUint64(i * RESULT_BYTES + n * 8, true)
    return { esr: field(0), far: field(1), elr: field(2), x2: field(3), x3: field(4) }
  })
}

export function readIdentification(bytes: Uint8Array): Identification {
  const view = new DataView(bytes.buffer, bytes.byteOffset + Number(PLACE.parameters - MEMORY.start) + IDENTIFICATION, 56)
  return [0, 1, 2, 3, 4, 5, 6].map(n => view.getBigUint64(n * 8, true)) as unknown as Identification
}
