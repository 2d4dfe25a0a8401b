// Owns how a system register of MRS and MSR is spelled: the catalogue's name, else a name of system-register-names.ts, else op0 to op2.

import { encodingName, systemRegisterName } from '../../../arch/catalogue/system.ts'
import { once } from '../../../arch/once.ts'
import { FURTHER_REGISTERS } from './system-register-names.ts'

const further = once(() => {
  const words = FURTHER_REGISTERS.trim().split(/\s+/)
  return new Map(words.map(word => [Number.parseInt(word.slice(0, 4), 16), word.slice(5)] as const))
})

/** The one register pair that shares an encoding: what MRS reads is the receive side. */
const DBGDTR_EL0 = (2 << 14) | (3 << 11) | (5 << 3)

/** Lower-case name of a system register; `encoding` is op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2. */
export function systemRegisterText(encoding: number, read: boolean): string {
  if (encoding === DBGDTR_EL0) return read ? 'dbgdtrrx_el0' : 'dbgdtrtx_el0'
  const name = systemRegisterName(encoding)
  return name === encodingName(encoding) ? (further().get(encoding) ?? name.toLowerCase()) : name.toLowerCase()
}
