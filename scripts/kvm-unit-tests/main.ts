// Runs a built tree of kvm-unit-tests (arm64) on the built-in machine, every test of its unittests.cfg as that file says.
//
//   node --import tsx scripts/kvm-unit-tests/main.ts TREE [--build B] [--only GLOB-LESS-TEXT]… [--console]
//
// TREE is not part of the project: configure it with `./configure --arch=arm64 --cross-prefix=aarch64-linux-gnu-` and `make`. Tests that migrate themselves
// need a VMM that talks to their script and are not run. A test that reports SKIP is neither passed nor failed. The last line is `N passed, N failed`.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Feature } from '../../src/arch/features.ts'
import { NOBODY } from '../../src/ops/run/console-port.ts'
import { SKIPPED_CODE } from '../../src/ops/run/exit-line.ts'
import { newestBuild } from '../../src/ops/run/newest-build.ts'
import { run } from '../../src/ops/run/run.ts'
import { parseUnitTests, type UnitTest } from './configuration.ts'

const MIB = 1 << 20
/** A test that runs longer than this many instructions hangs; the longest takes a tenth of it. */
const MOST_INSTRUCTIONS = 20e9
/** MTE is not what the machine's CPU has; migration asks a script outside for it. */
const NOT_HERE = /^(mte|migration|pci)$/

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { build: { type: 'string', default: newestBuild() }, only: { type: 'string', multiple: true }, console: { type: 'boolean' } },
})
const [tree] = positionals
if (tree === undefined || !existsSync(join(tree, 'arm/unittests.cfg'))) {
  console.error('usage: main.ts TREE, a built tree of kvm-unit-tests')
  process.exit(2)
}
const tests = parseUnitTests(readFileSync(join(tree, 'arm/unittests.cfg'), 'utf8')).filter(
  test => !test.groups.some(group => NOT_HERE.test(group)) && (values.only === undefined || values.only.some(each => test.name.includes(each))),
)
let passed = 0
let failed = 0
for (const test of tests) {
  const { verdict, text, instructions } = await runTest(tree, test)
  const seconds = ((performance.now() - text.begin) / 1000).toFixed(1)
  console.log(`${verdict.padEnd(8)} ${test.name.padEnd(28)} ${(instructions / 1e6).toFixed(0).padStart(7)} M instructions ${seconds.padStart(7)} s`)
  if (verdict === 'passed') passed++
  else if (verdict !== 'skipped') failed++
  if (values.console || (verdict !== 'passed' && verdict !== 'skipped')) console.log(text.all.replace(/^/gm, '    | '))
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0

async function runTest(
  folder: string,
  test: UnitTest,
): Promise<{ readonly verdict: string; readonly text: { all: string; begin: number }; readonly instructions: number }> {
  const text = { all: '', begin: performance.now() }
  const decoder = new TextDecoder('latin1')
  const features: readonly Feature[] = test.groups.includes('pmu') ? ['psci_0_2', 'pmu_v3'] : ['psci_0_2']
  try {
    const report = await run({
      kernel: join(folder, 'arm', test.file),
      append: test.words,
      paced: false,
      build: values.build,
      cpus: test.vcpus,
      memory: (test.memory ?? 256) * MIB,
      gic: test.gic,
      features,
      maxInstructions: MOST_INSTRUCTIONS,
      port: {
        ...NOBODY,
        write: async bytes => {
          text.all += decoder.decode(bytes)
        },
      },
    })
    const { exit } = report
    const verdict = exit === undefined ? `ended: ${report.end}` : exit.code === 0 ? 'passed' : exit.code === SKIPPED_CODE ? 'skipped' : `status ${exit.code}`
    return { verdict, text, instructions: report.instructions }
  } catch (error) {
    text.all += `${error instanceof Error ? error.message : String(error)}\n`
    return { verdict: 'error', text, instructions: 0 }
  }
}
