// Owns the bits of PSTATE in SPSR layout. Source: Arm ARM C5.2.19 (SPSR_EL1). Knows no exception.
export const PSTATE = {
  n: 1 << 31,
  nzcv: 0xf000_0000 | 0,
  dit: 1 << 24,
  uao: 1 << 23,
  pan: 1 << 22,
  ss: 1 << 21,
  il: 1 << 20,
  ssbs: 1 << 12,
  btype: 3 << 10,
  daif: 0xf << 6,
  d: 1 << 9,
  a: 1 << 8,
  i: 1 << 7,
  f: 1 << 6,
  aarch32: 1 << 4,
  mode: 0xf,
  el: 0xc,
  spSel: 1,
} as const

export const MODE = { el0t: 0, el1t: 4, el1h: 5 } as const
