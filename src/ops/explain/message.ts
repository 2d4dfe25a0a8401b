// Owns the answer about a line of a VMM's log: the row that fits, and what the line itself names (register, value, errno).

import { registerName } from '../../arch/catalogue/catalogue.ts'
import { findRegister } from '../../arch/catalogue/parse.ts'
import { ERRNO, type ErrnoName, errnoName } from '../../arch/errno.ts'
import { type RegId, regBytes, showRegId, sysRegId } from '../../arch/reg-id.ts'
import { ERRNO_WORDS } from './errno-words.ts'
import type { MessageAnswer } from './explain-report.ts'
import { MESSAGES, type MessageRow } from './messages.ts'

export interface FoundMessage {
  readonly row: MessageRow
  readonly register?: RegId
  readonly value?: bigint
  readonly errno?: ErrnoName
  readonly psci?: string
}

/** The row whose pattern the text holds; the most specific one, as they stand in the table. */
export function findMessage(text: string): FoundMessage | undefined {
  for (const row of MESSAGES) {
    const match = row.pattern.exec(text)
    if (!match) continue
    const { register: named = row.about, value: digits, errno: said, psci } = match.groups ?? {}
    const register = named === undefined ? undefined : registerOf(named)
    const value = register === undefined || digits === undefined ? undefined : valueIn(register, digits, row)
    const errno = said === undefined ? undefined : errnoOf(said)
    return {
      row,
      ...(register === undefined ? {} : { register }),
      ...(value === undefined ? {} : { value }),
      ...(errno === undefined ? {} : { errno }),
      ...(psci === undefined ? {} : { psci }),
    }
  }
  return undefined
}

export function explainMessage({ row, register, value, errno }: FoundMessage): MessageAnswer {
  return {
    kind: 'message',
    title: `${row.vmm}: ${row.message}`,
    vmm: row.vmm,
    message: row.message,
    ...(register === undefined ? {} : { register: { id: showRegId(register), name: registerName(register) } }),
    ...(value === undefined ? {} : { value: `0x${value.toString(16)}` }),
    ...(errno === undefined ? {} : { errno }),
    rule: [row.rule],
    consequences: row.causes,
    advice: row.advice,
    sources: [row.source],
  }
}

/** `EINVAL` for `EINVAL`, `-22`, `22`, `errno 22`, `os error 22` and `Invalid argument`; undefined for anything else. */
export function errnoOf(text: string): ErrnoName | undefined {
  const plain = text.trim()
  const inBrackets = /\bos error (\d+)/i.exec(plain)
  const number = /^(?:-|errno[ =]*|os error )?(\d{1,3})$/i.exec(plain) ?? inBrackets
  if (number) {
    const name = errnoName(Number(number[1]))
    return name in ERRNO ? (name as ErrnoName) : undefined
  }
  const upper = plain.replace(/^-/, '').toUpperCase()
  if (upper in ERRNO) return upper as ErrnoName
  return ERRNO_WORDS.find(row => row.text === plain.toLowerCase())?.errno
}

/** A register as these programs spell it: an id in hex or decimal, `fw reg 0`, `fw feat reg 3`, `op0:3 op1:0 crn:0 crm:0 op2:0`. */
function registerOf(text: string): RegId | undefined {
  const firmware = /^fw (feat )?reg (\d+)$/i.exec(text)
  if (firmware) return ((firmware[1] ? 0x6030_0000_0016_0000n : 0x6030_0000_0014_0000n) | BigInt(firmware[2] ?? 0)) as RegId
  const system = /^op0:(\d+) op1:(\d+) crn:(\d+) crm:(\d+) op2:(\d+)$/i.exec(text)
  if (system) return sysRegId(...(system.slice(1).map(Number) as [number, number, number, number, number]))
  return findRegister(/^\d+$/.test(text) ? `0x${BigInt(text).toString(16)}` : text)
}

/** QEMU prints bare hex digits; Firecracker `0x…` or decimal. Undefined for what does not fit the register. */
function valueIn(id: RegId, text: string, { vmm }: MessageRow): bigint | undefined {
  const digits = text.trim().replace(/^0x/i, '')
  const isHex = vmm.startsWith('QEMU') || /^0x/i.test(text.trim())
  if (!(isHex ? /^[0-9a-f]{1,64}$/i : /^\d{1,40}$/).test(digits)) return undefined
  const value = BigInt(isHex ? `0x${digits}` : digits)
  return value >> BigInt(regBytes(id) * 8) === 0n ? value : undefined
}
