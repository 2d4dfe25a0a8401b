// Owns reading what came out over a serial port: frames (frames.ts) in the midst of whatever else was printed there.
import { crc32, inflateRawSync } from 'node:zlib'

export interface Parsed {
  /** What the program inside sent, in order; undamaged ones. */
  readonly frames: readonly unknown[]
  /** What is wrong, with the line: a frame is cut, garbled or missing. */
  readonly damage: readonly string[]
  /** Exit status of the program, when it came to its end. */
  readonly exit: number | undefined
  /** The end of what was printed beside the frames, for a failure. */
  readonly tail: string
}

const TAIL_LINES = 40
const TAIL_WIDTH = 200

export function parseSerial(text: string): Parsed {
  const frames: unknown[] = []
  const damage: string[] = []
  const others: string[] = []
  let exit: number | undefined
  let next = 0
  text.split(/\r?\n/).forEach((line, index) => {
    const ended = /~EXIT (\d+)$/.exec(line)
    if (ended) exit = Number(ended[1])
    const start = line.search(/~[FZ] /)
    if (start !== 0) {
      if (line.trim() !== '') others.push(line)
      // A frame that something was printed into the front of is as lost as a garbled one: its number is missed below.
      return
    }
    const frame = decodeFrame(line)
    const at = `line ${index + 1} of the serial port`
    if (frame === undefined) {
      damage.push(`${at}: a frame is garbled: ${line.slice(0, 80)}`)
      return
    }
    if (frame.number !== next) damage.push(`${at}: frame ${frame.number} where ${next} was expected`)
    next = frame.number + 1
    frames.push(frame.value)
  })
  const tail = others
    .slice(-TAIL_LINES)
    .map(line => line.slice(0, TAIL_WIDTH))
    .join('\n')
  return { frames, damage, exit, tail }
}

function decodeFrame(line: string): { readonly number: number; readonly value: unknown } | undefined {
  const parts = /^~([FZ]) (\d+) (\d+) ([0-9a-f]+) ([A-Za-z0-9+/=]*)$/.exec(line)
  if (parts === null) return undefined
  const [, kind, number, length, sum, body] = parts
  const bytes = Buffer.from(body!, 'base64')
  if (bytes.length !== Number(length) || crc32(bytes) !== Number.parseInt(sum!, 16)) return undefined
  return { number: Number(number), value: JSON.parse((kind === 'Z' ? inflateRawSync(bytes) : bytes).toString('utf8')) }
}
