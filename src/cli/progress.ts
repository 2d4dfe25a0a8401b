// Owns the one progress line: on standard error, only on a terminal, only after a second. Knows no operation.
import type { WorkStep } from '../ops/work.ts'
import { terminalText } from '../render/terminal-text.ts'
import type { Io } from './io.ts'

export interface ProgressLine {
  update(step: WorkStep): void
  /** Removes the line; the next update may bring it back. Called before anything else is printed. */
  clear(): void
}

/** A command that takes less than this shows no progress at all. Milliseconds. */
const QUIET_FOR = 1000
const REDRAW_EVERY = 100
const BAR_WIDTH = 20

export function progressLine(io: Io, quiet: boolean, now: () => number = () => performance.now()): ProgressLine {
  if (quiet || !io.stderr.isTerminal) return { update: () => undefined, clear: () => undefined }
  const start = now()
  let drawnAt = Number.NEGATIVE_INFINITY
  let shown = false
  return {
    update: step => {
      const time = now()
      if (time - start < QUIET_FOR || time - drawnAt < REDRAW_EVERY) return
      drawnAt = time
      shown = true
      void io.stderr.write(`\r\u001b[K${progressText(step, io.stderr.columns ?? 80)}`)
    },
    clear: () => {
      if (shown) void io.stderr.write('\r\u001b[K')
      shown = false
    },
  }
}

/** `writing memory  [########            ]  41 %  410/1000 chunks`, cut to the width of the terminal. */
export function progressText({ label, done, total, unit }: WorkStep, columns: number): string {
  const parts = [terminalText(label)]
  if (done !== undefined && total !== undefined && total > 0) {
    const part = Math.min(1, Math.max(0, done / total))
    parts.push(`[${'#'.repeat(Math.floor(part * BAR_WIDTH)).padEnd(BAR_WIDTH)}]`, `${String(Math.floor(part * 100)).padStart(3)} %`)
  }
  if (done !== undefined) parts.push(`${done}${total === undefined ? '' : `/${total}`}${unit === undefined ? '' : ` ${unit}`}`)
  return parts.join('  ').slice(0, Math.max(0, columns - 1))
}
