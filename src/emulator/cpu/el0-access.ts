// Owns what exception level 0 may do with the registers of op1 = 3, by the enables that EL1 gives. Arm ARM D24, "accessibility" of each register. Knows no value.
import { SCTLR } from './sctlr.ts'
import { encodingOf, SYSREG } from './system-register-encoding.ts'
import type { VcpuBlock } from './vcpu-block.ts'

export type Access = 'allowed' | 'trapped' | 'undefined'

const CNTKCTL = { el0Pcten: 1n, el0Vcten: 2n, el0Vten: 1n << 8n, el0Pten: 1n << 9n } as const
const PMUSERENR = { en: 1n, sw: 2n, cr: 4n, er: 8n } as const
const PMSWINC = encodingOf(3, 3, 9, 12, 4)
const PMCCNTR = encodingOf(3, 3, 9, 13, 0)
const CNTFRQ = encodingOf(3, 3, 14, 0, 0)
const when = (enabled: bigint): Access => (enabled ? 'allowed' : 'trapped')

/** Access by MRS (or MSR, `write`) at EL0 to a register whose op1 is 3. Registers without a rule here are allowed: the hooks decide whether they exist. */
export function el0Access(vcpu: VcpuBlock, encoding: number, write: boolean): Access {
  const sctlr = vcpu.sysreg(SYSREG.SCTLR_EL1)
  switch (encoding) {
    case SYSREG.CTR_EL0:
      return write ? 'undefined' : when(sctlr & SCTLR.uct)
    case SYSREG.DCZID_EL0:
    case SYSREG.TPIDRRO_EL0:
    case SYSREG.PMUSERENR_EL0:
      return write ? 'undefined' : 'allowed'
    case SYSREG.DAIF:
      return when(sctlr & SCTLR.uma)
  }
  const crn = (encoding >> 7) & 15
  const crm = (encoding >> 3) & 15
  if (crn === 14 && crm < 4) return timerAccess(vcpu, encoding, crm, write)
  if ((crn === 9 && crm >= 12) || (crn === 14 && crm >= 8)) return pmuAccess(vcpu, encoding, crn, crm, write)
  return 'allowed'
}

function timerAccess(vcpu: VcpuBlock, encoding: number, crm: number, write: boolean): Access {
  const enables = vcpu.sysreg(SYSREG.CNTKCTL_EL1)
  if (crm === 2) return when(enables & CNTKCTL.el0Pten)
  if (crm === 3) return when(enables & CNTKCTL.el0Vten)
  if (write) return 'undefined'
  if (encoding === CNTFRQ) return when(enables & (CNTKCTL.el0Pcten | CNTKCTL.el0Vcten))
  const virtual = (encoding & 7) === 2 || (encoding & 7) === 6 // CNTVCT_EL0, CNTVCTSS_EL0
  return when(enables & (virtual ? CNTKCTL.el0Vcten : CNTKCTL.el0Pcten))
}

function pmuAccess(vcpu: VcpuBlock, encoding: number, crn: number, crm: number, write: boolean): Access {
  const enables = vcpu.sysreg(SYSREG.PMUSERENR_EL0)
  let enough: bigint = PMUSERENR.en
  if (encoding === PMSWINC) enough |= PMUSERENR.sw
  if (encoding === PMCCNTR && !write) enough |= PMUSERENR.cr
  const eventCounter = (crn === 14 && crm < 12) || (crn === 9 && crm === 13 && (encoding & 7) === 2)
  const selector = crn === 9 && crm === 12 && (encoding & 7) === 5
  if ((eventCounter && !write) || selector) enough |= PMUSERENR.er
  return when(enables & enough)
}
