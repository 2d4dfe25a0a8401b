// Owns the words that the architecture has for small operand numbers: conditions, barriers, prefetches, hints, PSTATE fields. Knows no encoding.
// Source: Arm ARM (DDI 0487) C1.2.4, C6.2, C5.2.

const CONDITIONS = ['eq', 'ne', 'cs', 'cc', 'mi', 'pl', 'vs', 'vc', 'hi', 'ls', 'ge', 'lt', 'gt', 'le', 'al', 'nv']
export const conditionName = (cond: number): string => CONDITIONS[cond] ?? ''

const padded = (value: number): string => `#0x${value.toString(16).padStart(2, '0')}`

const DOMAINS = ['osh', 'nsh', 'ish', 'sy']
/** CRm of DMB and DSB: bits 3:2 the shareability domain, bits 1:0 which accesses. */
export function barrierName(crm: number): string {
  const domain = DOMAINS[crm >> 2] ?? ''
  const access = crm & 3
  if (access === 0) return padded(crm)
  if (access === 3) return domain
  const suffix = access === 1 ? 'ld' : 'st'
  return domain === 'sy' ? suffix : `${domain}${suffix}`
}
/** DSB with the nXS qualifier (FEAT_XS): the domain only. */
export const shiftedBarrierName = (domain: number): string => `${DOMAINS[domain]}nxs`

/** Rt of PRFM: type, target cache level, policy. */
export function prefetchName(prfop: number): string {
  const type = ['pld', 'pli', 'pst'][prfop >> 3]
  const level = (prfop >> 1) & 3
  return type === undefined || level === 3 ? padded(prfop) : `${type}l${level + 1}${(prfop & 1) === 0 ? 'keep' : 'strm'}`
}

const HINTS: Readonly<Record<number, string>> = {
  0: 'nop',
  1: 'yield',
  2: 'wfe',
  3: 'wfi',
  4: 'sev',
  5: 'sevl',
  6: 'dgh',
  7: 'xpaclri',
  8: 'pacia1716',
  10: 'pacib1716',
  12: 'autia1716',
  14: 'autib1716',
  16: 'esb',
  17: 'psb csync',
  18: 'tsb csync',
  20: 'csdb',
  22: 'clearbhb',
  24: 'paciaz',
  25: 'paciasp',
  26: 'pacibz',
  27: 'pacibsp',
  28: 'autiaz',
  29: 'autiasp',
  30: 'autibz',
  31: 'autibsp',
  32: 'bti',
  34: 'bti c',
  36: 'bti j',
  38: 'bti jc',
}
/** CRm:op2 of HINT; undefined for a number that has no name, which executes as NOP. */
export const hintName = (number: number): string | undefined => HINTS[number]

/** PSTATE fields that MSR (immediate) writes. */
const PSTATE_FIELDS: readonly (readonly [op1: number, op2: number, name: string])[] = [
  [0, 3, 'uao'],
  [0, 4, 'pan'],
  [0, 5, 'spsel'],
  [1, 0, 'allint'],
  [3, 1, 'ssbs'],
  [3, 2, 'dit'],
  [3, 4, 'tco'],
  [3, 6, 'daifset'],
  [3, 7, 'daifclr'],
]
/** undefined: no such field. */
export const pstateName = (op1: number, op2: number): string | undefined => PSTATE_FIELDS.find(([first, second]) => first === op1 && second === op2)?.[2]
