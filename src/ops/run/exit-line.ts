// Owns the line by which bare-metal tests say how they ended: `EXIT: STATUS=n`, where n is the exit code doubled and one more, as kvm-unit-tests print it.

export interface ExitStatus {
  /** As printed. */
  readonly status: number
  /** The test's own exit code: 0 passed, SKIPPED_CODE skipped. */
  readonly code: number
}

/** Characters from the end of the output in which the line is looked for. */
const TAIL = 4096
/** A test that was skipped prints STATUS=77, automake's number for that: lib/report.c of kvm-unit-tests. */
export const SKIPPED_CODE = 77 >> 1

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
