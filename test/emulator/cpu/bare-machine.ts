// A vCPU or several with flat memory and nothing else, for the tests of the CPU; and words made from the decode table. Not a test.
import { createEngine } from '../../../src/emulator/cpu/create-engine.ts'
import { compileRow, ROWS } from '../../../src/emulator/cpu/decode/table.ts'
import type { FieldLetter } from '../../../src/emulator/cpu/decode/validity.ts'
import type { Engine, EngineHooks, StopReason, SysRegMap } from '../../../src/emulator/cpu/engine.ts'
import type { JitOptions } from '../../../src/emulator/cpu/jit/jit.ts'
import { encodingOf, SYSREG } from '../../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE, VCPU_STATE_BYTES } from '../../../src/emulator/state-layout.ts'

export const RAM = 0x4000_0000n
export const RAM_SIZE = 0x10000
export const CODE = 0x4000_0000n
export const VECTORS = RAM + 0x4000n
export const DATA = RAM + 0x8000n
/** EL1h, everything masked. */
export const EL1H = 0x3c5
/** What KVM resets SCTLR_EL1 to: SA and SA0 set, MMU off. */
const SCTLR_RESET = 0x30d0_0878n

const MAIR_EL1 = encodingOf(3, 0, 10, 2, 0)
export const TEST_SYSREGS: SysRegMap = new Map(
  [
    SYSREG.SCTLR_EL1,
    SYSREG.VBAR_EL1,
    SYSREG.ESR_EL1,
    SYSREG.FAR_EL1,
    SYSREG.CPACR_EL1,
    SYSREG.TPIDR_EL0,
    SYSREG.TPIDRRO_EL0,
    SYSREG.CNTKCTL_EL1,
    SYSREG.PMUSERENR_EL0,
    SYSREG.PAR_EL1,
    MAIR_EL1,
  ].map((encoding, slot) => [encoding, { slot }]),
)

const NO_HOOKS: EngineHooks = { readSysreg: () => undefined, writeSysreg: () => false }

export interface Vcpu {
  readonly index: number
  x(n: number): bigint
  setX(n: number, value: bigint): void
  get(field: 'pc' | 'pstate' | 'spEl0' | 'spEl1' | 'elrEl1' | 'spsrEl1'): bigint
  set(field: 'pc' | 'pstate' | 'spEl0' | 'spEl1' | 'elrEl1' | 'spsrEl1', value: bigint): void
  sysreg(encoding: number): bigint
  setSysreg(encoding: number, value: bigint): void
  /** Runs until something other than the budget stops it, or the budget. */
  run(budget?: number): StopReason
}

export interface BareMachine {
  readonly engine: Engine
  readonly vcpus: readonly [Vcpu, ...Vcpu[]]
  /** Writes instruction words. */
  code(address: bigint, words: readonly number[]): void
  word(address: bigint): number
  dword(address: bigint): bigint
}

export interface BareOptions {
  readonly vcpus?: number
  readonly hooks?: Partial<EngineHooks>
  readonly idRegisters?: ReadonlyMap<number, bigint>
  readonly sysregs?: SysRegMap
  readonly ramSize?: number
  readonly jit?: JitOptions | false
}

/** vCPUs at CODE in EL1h with VBAR_EL1 = VECTORS and the stack pointer at the end of RAM. */
export function bareMachine(options: BareOptions = {}): BareMachine {
  const sysregs = options.sysregs ?? TEST_SYSREGS
  const engine = createEngine({
    ram: [{ start: RAM, size: options.ramSize ?? RAM_SIZE }],
    vcpus: options.vcpus ?? 1,
    idRegisters: options.idRegisters ?? new Map(),
    sysregs,
    hooks: { ...NO_HOOKS, ...options.hooks },
    ...(options.jit === undefined ? {} : { jit: options.jit }),
  })
  const vcpus = Array.from({ length: engine.vcpus }, (_, index): Vcpu => {
    const bytes = engine.state(index)
    const view = new DataView(bytes.buffer, bytes.byteOffset, VCPU_STATE_BYTES)
    const slot = (encoding: number): number => VCPU_STATE.sysregs + sysregs.get(encoding)!.slot * 8
    const vcpu: Vcpu = {
      index,
      x: n => view.getBigUint64(VCPU_STATE.x + n * 8, true),
      setX: (n, value) => view.setBigUint64(VCPU_STATE.x + n * 8, value, true),
      get: field => view.getBigUint64(VCPU_STATE[field], true),
      set: (field, value) => view.setBigUint64(VCPU_STATE[field], value, true),
      sysreg: encoding => view.getBigUint64(slot(encoding), true),
      setSysreg: (encoding, value) => view.setBigUint64(slot(encoding), value, true),
      run: (budget = 1000) => engine.run(index, budget).stop,
    }
    vcpu.set('pc', CODE)
    vcpu.set('pstate', BigInt(EL1H))
    vcpu.set('spEl1', RAM + BigInt(RAM_SIZE))
    vcpu.setSysreg(SYSREG.SCTLR_EL1, SCTLR_RESET)
    vcpu.setSysreg(SYSREG.VBAR_EL1, VECTORS)
    return vcpu
  })
  const view = (address: bigint, length: number): DataView => {
    const bytes = engine.ram(address, length)
    return new DataView(bytes.buffer, bytes.byteOffset, length)
  }
  return {
    engine,
    vcpus: vcpus as [Vcpu, ...Vcpu[]],
    code: (address, words) => engine.writeRam(address, new Uint8Array(Uint32Array.from(words).buffer)),
    word: address => view(address, 4).getUint32(0, true),
    dword: address => view(address, 8).getBigUint64(0, true),
  }
}

const rows = new Map(ROWS.map(row => [row[0], row] as const))

/** The word of a row with these fields; letters that are not given are 0. `word('ADD_imm', { s: 1, d: 0, n: 1, i: 5 })`. */
export function word(name: string, fields: Partial<Record<FieldLetter, number>> = {}): number {
  const row = rows.get(name)
  if (!row) throw new Error(`there is no row ${name}`)
  const { picture, value } = compileRow(row)
  let made = value
  for (const [letter, field] of Object.entries(fields)) {
    const run = new RegExp(`${letter}+`).exec(picture)
    if (!run) throw new Error(`${name} has no field ${letter}`)
    made |= (field & (2 ** run[0].length - 1)) << (32 - run.index - run[0].length)
  }
  return made >>> 0
}

export const NOP = 0xd503201f
export const HVC = word('HVC')
/** Words that load a 64-bit constant. */
export const constant = (d: number, value: bigint): readonly number[] =>
  [0, 1, 2, 3].map(h => word(h === 0 ? 'MOVZ' : 'MOVK', { s: 1, h, i: Number((value >> BigInt(16 * h)) & 0xffffn), d }))
export const mrs = (t: number, encoding: number): number => (0xd5200000 | (encoding << 5) | t) >>> 0
export const msr = (encoding: number, t: number): number => (0xd5000000 | (encoding << 5) | t) >>> 0
