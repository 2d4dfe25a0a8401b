// Owns the question whether a device section can end at a place: its footer, then something that can follow. Device bodies carry no length, so every
// way of finding their end is checked by this. Source: migration/savevm.c; facts/qemu-stream.md §1.

export const RECORD = { eof: 0x00, start: 0x01, part: 0x02, end: 0x03, full: 0x04, vmdesc: 0x06, configuration: 0x07, command: 0x08, footer: 0x7e } as const
const LAST_COMMAND = 11

export interface Ending {
  /** The section's id, which its footer repeats. */
  readonly id: number
  /** False in streams of machine types without footers. */
  readonly footers: boolean
  /** True when `bytes` go on to the end of the stream. */
  readonly complete: boolean
}

/** Whether a body can end at `at`: `more` when the bytes at hand do not tell. */
export function canEnd(bytes: Uint8Array, at: number, { id, footers, complete }: Ending): boolean | 'more' {
  if (!footers) return canFollow(bytes, at, complete)
  if (at + 5 > bytes.length) return complete ? false : 'more'
  if (bytes[at] !== RECORD.footer || u32(bytes, at + 1) !== id) return false
  return canFollow(bytes, at + 5, complete)
}

function canFollow(bytes: Uint8Array, at: number, complete: boolean): boolean | 'more' {
  const cut = complete ? false : 'more'
  switch (bytes[at]) {
    case undefined:
      return complete ? true : 'more'
    case RECORD.eof: {
      const next = bytes[at + 1]
      if (next === undefined) return complete ? true : 'more'
      return next === 0 || next === RECORD.vmdesc
    }
    case RECORD.start:
    case RECORD.full: {
      const length = bytes[at + 5]
      if (length === undefined) return cut
      if (length === 0) return false
      for (let i = 0; i < length; i++) {
        const char = bytes[at + 6 + i]
        if (char === undefined) return cut
        if (char < 0x20 || char > 0x7e) return false
      }
      return true
    }
    case RECORD.part:
    case RECORD.end:
      return at + 5 <= bytes.length ? true : cut
    case RECORD.command:
      return at + 3 > bytes.length ? cut : bytes[at + 1] === 0 && (bytes[at + 2] ?? 99) <= LAST_COMMAND
    default:
      return false
  }
}

export const u32 = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
