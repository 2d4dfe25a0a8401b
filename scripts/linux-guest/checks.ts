// Owns counting and saying what passed: one line for each check, and the last line of every script of `.ci/run`.

export interface Checks {
  check(what: string, passed: boolean, why?: string): void
  /** `N passed, N failed`. */
  readonly summary: string
  readonly failed: number
}

export function checks(print: (line: string) => void): Checks {
  let passed = 0
  let failed = 0
  return {
    check(what, isPassed, why = '') {
      if (isPassed) passed++
      else failed++
      print(`${isPassed ? 'ok    ' : 'FAILED'}  ${what}${isPassed || why === '' ? '' : `: ${why}`}`)
    },
    get summary() {
      return `${passed} passed, ${failed} failed`
    },
    get failed() {
      return failed
    },
  }
}
