// Owns how results leave a booted kernel over its serial port: one line a frame, numbered, with length and checksum, so that a lost or garbled byte shows.

/** CRC-32 as in gzip. `node:zlib` has one from Node 20.15 on. */
export { crc32 } from 'node:zlib'

import { writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'

let number = 0

/** Sends one value. */
export function sendFrame(value: unknown): void {
  const bytes = Buffer.from(JSON.stringify(value), 'utf8')
  const line = `\n~F ${number++} ${bytes.length} ${crc32(bytes).toString(16)} ${bytes.toString('base64')}\n`
  const all = Buffer.from(line, 'latin1')
  for (let at = 0; at < all.length; ) at += writeSync(1, all, at, Math.min(4096, all.length - at))
}
