// Owns one test of the execution check and its bytes, as exec-harness.S reads and answers them, and the CPU that both sides are. Knows no engine.
import { announcedFeatures, type CpuFeature } from '../../src/emulator/cpu/decode/cpu-feature.ts'
import { encodingOf } from '../../src/emulator/cpu/system-register-encoding.ts'

/** It has nothing that we do not execute, and a 64-byte DC ZVA. */
const REFERENCE_CPU = 'neoverse-n1'
/** For what that one does not have. */
const LATER_CPU = 'max,pauth=off'
const LATER: ReadonlySet<CpuFeature> = new Set(['FEAT_FlagM', 'FEAT_FlagM2', 'FEAT_LRCPC2'])
/** The CPU that can execute a row with this feature. */
export const referenceCpu = (feature: CpuFeature | undefined): string => (feature !== undefined && LATER.has(feature) ? LATER_CPU : REFERENCE_CPU)
/** The features that concern instructions and that we execute: those of a Neoverse N1 (TRM B2.66 ff.), and the later ones. */
export const ID_REGISTERS: ReadonlyMap<number, bigint> = new Map([
  [encodingOf(3, 0, 0, 4, 0), 0x0000_0000_1011_0011n], // ID_AA64PFR0_EL1: RAS, FP and AdvSIMD with half precision
  [encodingOf(3, 0, 0, 6, 0), 0x0020_1000_1021_1120n], // ID_AA64ISAR0_EL1: TS, DP, RDM, Atomic, CRC32, SHA2, SHA1, AES with PMULL
  [encodingOf(3, 0, 0, 6, 1), 0x0000_0000_0020_0001n], // ID_AA64ISAR1_EL1: LRCPC2, DPB
])
export const FEATURES: ReadonlySet<CpuFeature> = announcedFeatures(ID_REGISTERS)

/** Where the harness puts things. The tested words are `SLOT` (a preparing instruction, often NOP) and `SLOT + 4`. */
export const SLOT = 0x1001_0ff8n
export const WINDOW = 0x1003_0000n
export const WINDOW_BYTES = 256
const AT = { nzcv: 8, sp: 16, x: 24, fpcr: 272, fpsr: 280, v: 288, window: 800 } as const
export const VECTOR_BYTES = 32 * 16
export const RECORD_BYTES = AT.window + WINDOW_BYTES

export interface ExecState {
  /** N Z C V in bits 31 to 28. */
  readonly nzcv: number
  readonly sp: bigint
  /** X0 to X30. */
  readonly x: BigUint64Array
  readonly fpcr: number
  readonly fpsr: number
  /** V0 to V31, 16 bytes each. */
  readonly v: Uint8Array
  /** WINDOW_BYTES bytes at WINDOW. */
  readonly window: Uint8Array
}

export interface ExecCase extends ExecState {
  readonly group: string
  readonly name: string
  readonly words: readonly [prepare: number, tested: number]
  /** The reference's CPU model. */
  readonly cpu: string
}

export interface ExecResult extends ExecState {
  readonly branched: boolean
}

export function encodeCase(test: ExecCase, into: DataView): void {
  into.setUint32(0, test.words[0], true)
  into.setUint32(4, test.words[1], true)
  into.setBigUint64(AT.nzcv, BigInt(test.nzcv >>> 0), true)
  into.setBigUint64(AT.sp, test.sp, true)
  test.x.forEach((value, i) => {
    into.setBigUint64(AT.x + i * 8, value, true)
  })
  into.setBigUint64(AT.fpcr, BigInt(test.fpcr >>> 0), true)
  into.setBigUint64(AT.fpsr, BigInt(test.fpsr >>> 0), true)
  new Uint8Array(into.buffer, into.byteOffset + AT.v, VECTOR_BYTES).set(test.v)
  new Uint8Array(into.buffer, into.byteOffset + AT.window, WINDOW_BYTES).set(test.window)
}

export function decodeResult(from: DataView): ExecResult {
  return {
    branched: from.getBigUint64(0, true) !== 0n,
    nzcv: Number(from.getBigUint64(AT.nzcv, true)),
    sp: from.getBigUint64(AT.sp, true),
    x: BigUint64Array.from({ length: 31 }, (_, i) => from.getBigUint64(AT.x + i * 8, true)),
    fpcr: Number(from.getBigUint64(AT.fpcr, true)),
    fpsr: Number(from.getBigUint64(AT.fpsr, true)),
    v: new Uint8Array(from.buffer, from.byteOffset + AT.v, VECTOR_BYTES).slice(),
    window: new Uint8Array(from.buffer, from.byteOffset + AT.window, WINDOW_BYTES).slice(),
  }
}

/** What differs between two results, in words; empty: nothing. */
export function differences(ours: ExecResult, theirs: ExecResult): readonly string[] {
  const found: string[] = []
  const compare = (name: string, a: bigint | number | boolean, b: bigint | number | boolean): void => {
    if (a !== b) found.push(`${name} ${show(a)}, reference ${show(b)}`)
  }
  compare('branched', ours.branched, theirs.branched)
  compare('nzcv', ours.nzcv, theirs.nzcv)
  compare('sp', ours.sp, theirs.sp)
  for (let i = 0; i < 31; i++) compare(`x${i}`, ours.x[i]!, theirs.x[i]!)
  compare('fpcr', ours.fpcr, theirs.fpcr)
  compare('fpsr', ours.fpsr, theirs.fpsr)
  for (let i = 0; i < 32; i++) compare(`v${i}`, vector(ours.v, i), vector(theirs.v, i))
  for (let i = 0; i < WINDOW_BYTES; i++) compare(`memory+${i}`, ours.window[i]!, theirs.window[i]!)
  return found
}

/** V`i` as a number of 128 bits. */
export const vector = (v: Uint8Array, i: number): bigint => v.subarray(i * 16, i * 16 + 16).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)

const show = (value: bigint | number | boolean): string => (typeof value === 'boolean' ? String(value) : `0x${value.toString(16)}`)
