// Owns what PSTATE says, in the layout in which KVM shows it (SPSR_EL1's): mode, condition flags, interrupt masks, the rest by name.
// Source: Arm DDI 0487, C5.2 (SPSR_EL1), G8 for AArch32 modes.

type NamedBits = readonly (readonly [name: string, bit: number])[]
/** Bits that are named one by one, beside N Z C V and D A I F. */
const OTHERS_64: NamedBits = [
  ['TCO', 25],
  ['DIT', 24],
  ['UAO', 23],
  ['PAN', 22],
  ['SS', 21],
  ['IL', 20],
  ['ALLINT', 13],
  ['SSBS', 12],
]
const OTHERS_32: NamedBits = [
  ['Q', 27],
  ['DIT', 24],
  ['SSBS', 23],
  ['PAN', 22],
  ['SS', 21],
  ['IL', 20],
  ['E', 9],
  ['T', 5],
]
const AARCH64: Readonly<Record<number, string>> = { 0: 'EL0t', 4: 'EL1t', 5: 'EL1h', 8: 'EL2t', 9: 'EL2h', 12: 'EL3t', 13: 'EL3h' }
const AARCH32: Readonly<Record<number, string>> = { 0: 'usr', 1: 'fiq', 2: 'irq', 3: 'svc', 6: 'mon', 7: 'abt', 10: 'hyp', 11: 'und', 15: 'sys' }
const IS_32 = 0x10n

export interface PstateParts {
  /** `EL1h`; `svc` of AArch32; `0x..` for a mode that there is not. */
  readonly mode: string
  /** Undefined for a mode that there is not. */
  readonly el?: 0 | 1 | 2 | 3
  readonly isAarch32: boolean
  /** `NZcv`: capital letters are set. */
  readonly flags: string
  /** Exceptions that are masked, of `DAIF` (`AIF` in AArch32). */
  readonly masked: string
  /** Everything else that is set. */
  readonly others: readonly string[]
}

export function pstateParts(value: bigint): PstateParts {
  const has = (bit: number): boolean => ((value >> BigInt(bit)) & 1n) === 1n
  const isAarch32 = (value & IS_32) !== 0n
  const low = Number(value & 0xfn)
  const mode = (isAarch32 ? AARCH32 : AARCH64)[low]
  const el = mode === undefined ? undefined : isAarch32 ? (mode === 'usr' ? 0 : mode === 'hyp' ? 2 : mode === 'mon' ? 3 : 1) : ((low >> 2) as 0 | 1 | 2 | 3)
  const btype = (value >> 10n) & 3n
  return {
    mode: mode ?? `0x${(value & 0x1fn).toString(16)}`,
    ...(el === undefined ? {} : { el }),
    isAarch32,
    flags: [...'NZCV'].map((flag, i) => (has(31 - i) ? flag : flag.toLowerCase())).join(''),
    // D is a bit of AArch64 only; in AArch32 that place is E.
    masked: [...'DAIF'].filter((_, i) => (i > 0 || !isAarch32) && has(9 - i)).join(''),
    others: [
      ...(isAarch32 ? OTHERS_32 : OTHERS_64).filter(([, bit]) => has(bit)).map(([name]) => name),
      ...(isAarch32 || btype === 0n ? [] : [`BTYPE=${btype}`]),
    ],
  }
}

/** `EL1h`; AArch32 modes as `EL1 svc`. */
export function exceptionLevel(value: bigint): string {
  const { mode, el, isAarch32 } = pstateParts(value)
  return isAarch32 && el !== undefined ? `EL${el} ${mode}` : mode
}

/** `EL1h nZCv DAIF masked, PAN`: one line for people. */
export function showPstate(value: bigint): string {
  const { flags, masked, others } = pstateParts(value)
  return [`${exceptionLevel(value)} ${flags}`, ...(masked === '' ? [] : [`${masked} masked`]), ...others].join(', ')
}
