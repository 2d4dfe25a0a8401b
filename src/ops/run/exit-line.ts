// Owns the line by which bare-metal tests say how they ended: `EXIT: STATUS=n`, where n is the exit code doubled and one more, as kvm-unit-tests print it.

export interface ExitStatus {
  /** As printed. */
  readonly status: number
  /** The test's own exit code: 0 passed, 77 skipped. */
  readonly code: number
}

/** Characters from the end of the output in which the line is looked for. */
const TAIL = 4096
export const SKIPPED = 77

export interface ExitLine {
  hears(text: string): void
  /** Of the last such line. */
  readonly exit: ExitStatus | undefined
}

export function exitLine(): ExitLine {
  let tail = ''
  return {
    hears(text) {
      tail = (tail + text).slice(-TAIL)
    },
    get exit() {
      const status = [...tail.matchAll(/^EXIT: STATUS=(\d{1,9})\r?$/gm)].at(-1)?.[1]
      return status === undefined ? undefined : { status: Number(status), code: Number(status) >> 1 }
    },
  }
}
