// Owns patterns over what a guest prints: a line at a time, on an engine whose time is linear in the text, because both sides may be strangers.
import { RE2JS } from 're2js'
import { SnapError } from '../../errors.ts'

export interface ConsoleWatch {
  /** What the guest printed since the last call; true once a line (the last, unfinished one included) matches. */
  sees(text: string): boolean
  /** The line that matched. */
  readonly seen: string | undefined
}

/** Characters of one line that are looked at. */
const MOST_LINE = 4096
const MOST_PATTERN = 1000

/** Throws USAGE for a pattern that is none in RE2's syntax. */
export function consoleWatch(pattern: string): ConsoleWatch {
  if (pattern === '' || pattern.length > MOST_PATTERN)
    throw new SnapError('USAGE', `a console pattern has 1 to ${MOST_PATTERN} characters, not ${pattern.length}`)
  const compiled = compile(pattern)
  let line = ''
  let seen: string | undefined
  const matches = (text: string): boolean => {
    if (!compiled.matcher(text).find()) return false
    seen = text
    return true
  }
  return {
    get seen() {
      return seen
    },
    sees(text) {
      if (seen !== undefined) return true
      const pieces = text.split('\n')
      for (const [n, piece] of pieces.entries()) {
        line = `${n === 0 ? line : ''}${piece}`.slice(0, MOST_LINE)
        if (matches(line.replace(/\r$/, ''))) return true
      }
      return false
    },
  }
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (cause) {
    throw new SnapError(
      'USAGE',
      `"${pattern.slice(0, 60)}" is no pattern: ${cause instanceof Error ? cause.message : String(cause)}`,
      {},
      {
        cause,
        hint: 'patterns are regular expressions in the syntax of RE2, without backreferences and look-around',
      },
    )
  }
}
