// Owns how results leave a booted kernel over its serial port: one line a frame, numbered, with length and checksum, so that a lost or garbled byte
// shows. `~F NUMBER LENGTH CRC32 BASE64`, or `~Z` when the bytes are deflated.
import { writeSync } from 'node:fs'
import { crc32, deflateRawSync } from 'node:zlib'

/** Shorter ones are not worth the deflating. */
const PLAIN_BYTES = 256
const WRITE_BYTES = 4096

let number = 0

/** Sends one value. */
export function sendFrame(value: unknown): void {
  // A line of its own even after somebody else's half a line.
  const all = Buffer.from(`\n${encodeFrame(number++, value)}\n`, 'latin1')
  for (let at = 0; at < all.length; ) at += writeSync(1, all, at, Math.min(WRITE_BYTES, all.length - at))
}

export function encodeFrame(at: number, value: unknown): string {
  const plain = Buffer.from(JSON.stringify(value), 'utf8')
  const bytes = plain.length < PLAIN_BYTES ? plain : deflateRawSync(plain)
  return `~${bytes === plain ? 'F' : 'Z'} ${at} ${bytes.length} ${crc32(bytes).toString(16)} ${bytes.toString('base64')}`
}
