// Owns the last line of a test run in .ci/run: `N passed, N failed`. A file that cannot be loaded, and an error outside any test, is a failure.
export default class CountReporter {
  onTestRunEnd(modules, errors) {
    const count = { passed: 0, failed: errors.length, skipped: 0 }
    for (const module of modules) {
      let tests = 0
      for (const test of module.children.allTests()) {
        tests++
        count[test.result().state]++
      }
      if (tests === 0 && module.state() === 'failed') count.failed++
    }
    this.line = `${count.passed} passed, ${count.failed} failed${count.skipped === 0 ? '' : `, ${count.skipped} skipped`}\n`
  }

  // After vitest's own summary.
  onProcessTimeout() {
    this.line = '0 passed, 1 failed\n'
  }

  constructor() {
    process.on('exit', () => process.stdout.write(this.line ?? '0 passed, 1 failed\n'))
  }
}
