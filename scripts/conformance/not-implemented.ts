// Owns which instructions objdump may print for a word of a row that is named and not implemented: the row's feature must be the right one. Knows no verdict.

/** A vector, predicate or tile register, or an instruction that only counts elements. */
const SVE = /\b[zp]\d|\b(rdvl|rdsvl|adds?[vp]l|(cnt|inc|dec|[su]q(inc|dec))[bhwd]|cterm(eq|ne)|setffr|\w*[wr]rffr)\b/

/**
 * By name of the row: what objdump's text must look like. The spaces of floating point, SVE and SME hold hundreds of instructions; there the registers tell.
 */
const FOREIGN: Readonly<Record<string, RegExp>> = {
  ADDG: /^addg /,
  SUBG: /^subg /,
  MIN_MAX_imm: /^[su](min|max) /,
  SUBP: /^subp /,
  SUBPS: /^(subps|cmpp) /,
  IRG: /^irg /,
  GMI: /^gmi /,
  PACGA: /^pacga /,
  MIN_MAX_reg: /^[su](min|max) /,
  CTZ: /^ctz /,
  CNT: /^cnt /,
  ABS: /^abs /,
  PAC_AUT: /^((pac|aut)[id]z?[ab]|xpac[id]) /,
  RMIF: /^rmif /,
  SETF: /^setf(8|16) /,
  BRA_BLRA_RETA: /^(b(lr|r)a[ab]z?) |^reta[ab]$/,
  ERETA: /^ereta[ab]$/,
  TCANCEL: /^tcancel /,
  TCOMMIT: /^tcommit$/,
  TSTART_TTEST: /^t(start|test) /,
  MSR_SVCR_SM: /^smst(art|op) sm$/,
  MSR_SVCR_ZA: /^smst(art|op)( za)?$/,
  CAS: /^casa?l?[bh]? /,
  CASP: /^caspa?l? /,
  LDLAR_STLLR: /^(ldla|stll)r[bh]? /,
  ATOMIC: /^(ld|st)(add|clr|eor|set|[su]max|[su]min)a?l?[bh]? /,
  SWP: /^swpa?l?[bh]? /,
  LDAPR: /^ldapr[bh]? /,
  ST64BV0: /^st64bv0 /,
  ST64B: /^st64b /,
  ST64BV: /^st64bv /,
  LD64B: /^ld64b /,
  LDRA: /^ldra[ab] /,
  LDAPUR_STLUR: /^(ldapur(s?[bh]|sw)?|stlur[bh]?) /,
  MEMORY_COPY: /^(cpyf[pme]|set[pme])/,
  MEMORY_SET: /^(cpy[pme]|setg[pme])/,
  TAG_LOAD_STORE: /^(ld|stz?2?)gm? /,
  STGP_post: /^stgp /,
  STGP_offset: /^stgp /,
  STGP_pre: /^stgp /,
  FP_SIMD: /\b[vbhsdq]\d/,
  SVE,
  SME: /\bza\d?|^zero /,
}

/** Whether what objdump prints is an instruction that this row stands for. */
export const isForeignTo = (row: string, theirs: string): boolean => FOREIGN[row]?.test(theirs) ?? false
