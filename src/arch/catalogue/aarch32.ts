// table: Owns the names of AArch32 system registers, by coprocessor encoding. KVM lists none; QEMU's TCG does, under ids of the 32-bit Arm ABI.
// Source: Arm ARM DDI 0487, G7 "AArch32 System register encodings"; the id's shape: QEMU target/arm/cpregs.h, facts/qemu-stream.md §5.1.
import { once } from '../once.ts'

/** coprocessor, opc1, CRn, CRm, then the names by opc2 from 0. Registers of one CRm each where the name ends in `#`: its number is CRm. */
const NAMES_32 = `
14 0 0 0 DBGDIDR - DBGDTRRXext -
14 0 0 1 DBGDSCRint
14 0 0 2 DBGDCCINT - DBGDSCRext
14 0 0 3 - - DBGDTRTXext
14 0 0 5 DBGDTRint
14 0 0 6 DBGWFAR - DBGOSECCR
14 0 0 7 DBGVCR
14 0 1 0 DBGDRAR - - - DBGOSLAR
14 0 1 1 - - - - DBGOSLSR
14 0 1 3 - - - - DBGOSDLR
14 0 1 4 - - - - DBGPRCR
14 0 2 0 DBGDSAR
14 0 7 0 - - - - - - - DBGDEVID2
14 0 7 1 - - - - - - - DBGDEVID1
14 0 7 2 - - - - - - - DBGDEVID
14 0 7 8 - - - - - - DBGCLAIMSET
14 0 7 9 - - - - - - DBGCLAIMCLR
14 0 7 14 - - - - - - DBGAUTHSTATUS
14 6 0 0 TEECR
14 6 1 0 TEEHBR
14 7 0 0 JIDR
14 7 1 0 JOSCR
14 7 2 0 JMCR
15 0 0 0 MIDR CTR TCMTR TLBTR - MPIDR REVIDR
15 0 0 1 ID_PFR0 ID_PFR1 ID_DFR0 ID_AFR0 ID_MMFR0 ID_MMFR1 ID_MMFR2 ID_MMFR3
15 0 0 2 ID_ISAR0 ID_ISAR1 ID_ISAR2 ID_ISAR3 ID_ISAR4 ID_ISAR5 ID_MMFR4 ID_ISAR6
15 0 0 3 - - - - ID_PFR2 ID_DFR1 ID_MMFR5
15 1 0 0 CCSIDR CLIDR CCSIDR2 - - - - AIDR
15 2 0 0 CSSELR
15 4 0 0 VPIDR - - - - VMPIDR
15 0 1 0 SCTLR ACTLR CPACR ACTLR2
15 0 1 1 SCR SDER NSACR
15 0 1 3 - SDCR
15 4 1 0 HSCTLR HACTLR - HACTLR2
15 4 1 1 HCR HDCR HCPTR HSTR HCR2 - - HACR
15 0 2 0 TTBR0 TTBR1 TTBCR TTBCR2
15 4 2 0 - - HTCR
15 4 2 1 - - VTCR
15 0 3 0 DACR
15 0 5 0 DFSR IFSR
15 0 5 1 ADFSR AIFSR
15 0 5 3 ERRIDR ERRSELR
15 4 5 1 HADFSR HAIFSR
15 4 5 2 HSR - - VDFSR
15 0 6 0 DFAR WFAR IFAR
15 4 6 0 HDFAR - HIFAR - HPFAR
15 0 7 4 PAR
15 1 9 0 - - L2CTLR L2ECTLR
15 0 9 12 PMCR PMCNTENSET PMCNTENCLR PMOVSR PMSWINC PMSELR PMCEID0 PMCEID1
15 0 9 13 PMCCNTR PMXEVTYPER PMXEVCNTR
15 0 9 14 PMUSERENR PMINTENSET PMINTENCLR PMOVSSET PMCEID2 PMCEID3 PMMIR
15 0 10 2 MAIR0 MAIR1
15 0 10 3 AMAIR0 AMAIR1
15 4 10 2 HMAIR0 HMAIR1
15 4 10 3 HAMAIR0 HAMAIR1
15 0 12 0 VBAR MVBAR RMR
15 0 12 1 ISR DISR
15 4 12 0 HVBAR - HRMR
15 4 12 1 - VDISR
15 0 13 0 FCSEIDR CONTEXTIDR TPIDRURW TPIDRURO TPIDRPRW
15 4 13 0 - - HTPIDR
15 0 14 0 CNTFRQ
15 0 14 1 CNTKCTL
15 0 14 2 CNTP_TVAL CNTP_CTL
15 0 14 3 CNTV_TVAL CNTV_CTL
15 4 14 1 CNTHCTL
15 4 14 2 CNTHP_TVAL CNTHP_CTL
15 1 15 3 CBAR
15 4 15 0 CBAR_A9
`

/** coprocessor, opc1, CRm, name: registers moved by MRRC and MCRR. */
const NAMES_64 = `
14 0 1 DBGDRAR
14 0 2 DBGDSAR
15 0 2 TTBR0
15 1 2 TTBR1
15 4 2 HTTBR
15 6 2 VTTBR
15 0 7 PAR
15 0 9 PMCCNTR
15 0 14 CNTPCT
15 1 14 CNTVCT
15 2 14 CNTP_CVAL
15 3 14 CNTV_CVAL
15 4 14 CNTVOFF
15 6 14 CNTHP_CVAL
15 0 15 CPUACTLR
15 1 15 CPUECTLR
15 2 15 CPUMERRSR
15 3 15 L2MERRSR
`

const U32 = 0x4020_0000_0000_0000n
const U64 = 0x4030_0000_0000_0000n
/** Set in the ids of the non-secure instance, which is the only one on a CPU without EL3 that matters. */
const NON_SECURE = 1n << 29n

const encode = (cp: number, opc1: number, crn: number, crm: number, opc2: number): bigint => BigInt((cp << 16) | (crn << 11) | (crm << 7) | (opc1 << 3) | opc2)

const names = once((): ReadonlyMap<bigint, string> => {
  const known = new Map<bigint, string>()
  for (const line of NAMES_32.trim().split('\n')) {
    const [cp = '', opc1 = '', crn = '', crm = '', ...list] = line.split(' ')
    list.forEach((name, opc2) => {
      if (name !== '-') known.set(U32 | encode(Number(cp), Number(opc1), Number(crn), Number(crm), opc2), name)
    })
  }
  for (let n = 0; n < 16; n++)
    ['DBGBVR', 'DBGBCR', 'DBGWVR', 'DBGWCR'].forEach((name, i) => {
      known.set(U32 | encode(14, 0, 0, n, 4 + i), `${name}${n}`)
    })
  for (let n = 0; n < 31; n++) {
    known.set(U32 | encode(15, 0, 14, 8 + (n >> 3), n & 7), `PMEVCNTR${n}`)
    known.set(U32 | encode(15, 0, 14, 12 + (n >> 3), n & 7), `PMEVTYPER${n}`)
  }
  known.set(U32 | encode(15, 0, 14, 15, 7), 'PMCCFILTR')
  for (const line of NAMES_64.trim().split('\n')) {
    const [cp = '', opc1 = '', crm = '', name = ''] = line.split(' ')
    known.set(U64 | encode(Number(cp), Number(opc1), 0, Number(crm), 0), `${name}_64`)
  }
  return known
})

const byName = once((): ReadonlyMap<string, bigint> => new Map([...names()].map(([id, name]) => [name.toLowerCase(), id])))

/** True for an id of the 32-bit Arm ABI that names a coprocessor register, and nothing else. */
export const isAarch32Id = (id: bigint): boolean => {
  const shape = id & ~0x200f_7fffn
  return shape === U32 || shape === U64
}

/**
 * `A32_SCTLR` for the non-secure register, `A32_SCTLR_S` for the secure one; `A32_TTBR0_64` for those of 64 bits; `A32_p15_0_c1_c0_0` (with `_64`)
 * for one without a name here. Undefined for an id of another shape. One-to-one.
 */
export function aarch32Name(id: bigint): string | undefined {
  if (!isAarch32Id(id)) return undefined
  const bits = Number(id & 0xf_7fffn)
  const wide = (id & ~0x200f_7fffn) === U64
  const generic = `p${bits >> 16}_${(bits >> 3) & 15}_c${(bits >> 11) & 15}_c${(bits >> 7) & 15}_${bits & 7}${wide ? '_64' : ''}`
  return `A32_${names().get(id & ~NON_SECURE) ?? generic}${(id & NON_SECURE) === 0n ? '_S' : ''}`
}

/** The id that such a name spells, in any case; undefined for anything else. */
export function parseAarch32(text: string): bigint | undefined {
  const match = /^a32_(.+?)(_s)?$/.exec(text.toLowerCase())
  if (!match) return undefined
  const [, name = '', secure] = match
  const id = byName().get(name) ?? parseGeneric(name)
  return id === undefined ? undefined : id | (secure === undefined ? NON_SECURE : 0n)
}

function parseGeneric(name: string): bigint | undefined {
  const match = /^p(\d{1,2})_(\d{1,2})_c(\d{1,2})_c(\d{1,2})_([0-7])(_64)?$/.exec(name)
  if (!match) return undefined
  const [cp = 0, opc1 = 0, crn = 0, crm = 0, opc2 = 0] = match.slice(1, 6).map(Number)
  if (cp > 15 || opc1 > 15 || crn > 15 || crm > 15) return undefined
  return (match[6] === undefined ? U32 : U64) | encode(cp, opc1, crn, crm, opc2)
}
