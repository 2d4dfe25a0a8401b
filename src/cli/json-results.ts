// Owns JSON that is printed while results still come: one object with a list, or one result a line. Knows no result. Whatever happens in the middle,
// what is printed stays JSON.
import type { Failure } from './failure.ts'
import type { Output } from './io.ts'
import { failureJson, jsonLine } from './json.ts'

export interface JsonResults {
  /** Something has been printed: from now on everything else must fit to it. */
  readonly begun: boolean
  /** Prints results: one JSON text each, on one line. */
  add(results: readonly Uint8Array[]): Promise<void>
  /** The last thing printed. With a failure `ok` is false and it is there beside the results. */
  end(summary: object, failure?: Failure): Promise<void>
  /** The same for work that stopped in the middle, and has no summary. */
  fail(failure: Failure): Promise<void>
}

const NEWLINE = Uint8Array.of(0x0a)
const COMMA = Uint8Array.of(0x2c, 0x0a)

/** `{"results":[…],"summary":{…},"ok":true}`: `ok` comes last, because it is known last. */
export function jsonObject(output: Output): JsonResults {
  let count = 0
  const open = (): string => (count === 0 ? '{"results":[' : '')
  const close = (rest: object): Promise<void> => output.write(`${open()}${count === 0 ? '' : '\n'}],\n${jsonLine(rest).slice(1)}\n`)
  return {
    get begun() {
      return count > 0
    },
    add: results =>
      output.write(
        Buffer.concat(
          results.flatMap(result => {
            const before = count === 0 ? Buffer.from(`${open()}\n`) : COMMA
            count++
            return [before, result]
          }),
        ),
      ),
    end: (summary, failure) => close({ summary, ...(failure ? failureJson(failure) : { ok: true }) }),
    fail: failure => close(failureJson(failure)),
  }
}

/** One result a line, then `{"summary":{…}}`; `{"ok":false,"error":{…}}` instead when there is none. */
export function jsonLines(output: Output): JsonResults {
  let begun = false
  return {
    get begun() {
      return begun
    },
    add: results => {
      begun = true
      return output.write(Buffer.concat(results.flatMap(result => [result, NEWLINE])))
    },
    end: summary => output.write(`${jsonLine({ summary })}\n`),
    fail: failure => output.write(`${jsonLine(failureJson(failure))}\n`),
  }
}
