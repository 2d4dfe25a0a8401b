// Owns how a register's value is spelled: `0x…` up to 64 bits, `b` and the bytes in hex, memory order, beyond. Knows no JSON.
import { type RegId, regBytes, showRegId } from '../../../arch/reg-id.ts'
import { bytesToBigint } from '../../../model/register-list.ts'

/** The value as text. 64 bits and less print without leading zeros. */
export function showValue(id: RegId, bytes: Uint8Array): string {
  return regBytes(id) <= 8 ? `0x${bytesToBigint(bytes).toString(16)}` : `b${Buffer.from(bytes).toString('hex')}`
}

/** The bytes that `text` stands for, as many as the register has; a text saying what is wrong when it does not. */
export function parseValue(id: RegId, text: string): Uint8Array | { readonly wrong: string } {
  const size = regBytes(id)
  if (/^b(?:[0-9a-fA-F]{2})*$/.test(text)) {
    const bytes = (text.length - 1) / 2
    return bytes === size ? new Uint8Array(Buffer.from(text.slice(1), 'hex')) : { wrong: `has ${bytes} bytes, but ${showRegId(id)} has ${size}` }
  }
  if (!/^0x[0-9a-fA-F]+$/.test(text)) return { wrong: 'is neither 0x… nor b and whole bytes in hex' }
  if (size > 8) return { wrong: `is spelled 0x…, but ${showRegId(id)} has ${size} bytes: write b and ${size * 2} hex digits, memory order` }
  const digits = text.slice(2).replace(/^0+/, '')
  if (digits.length > size * 2) return { wrong: `does not fit the ${size} bytes of ${showRegId(id)}` }
  return new Uint8Array(Buffer.from(digits.padStart(size * 2, '0'), 'hex').reverse())
}
