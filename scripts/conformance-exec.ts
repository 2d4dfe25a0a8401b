// Holds the semantics against qemu-aarch64: random implemented instructions with random state, all registers, flags, the stack pointer, vectors, FPSR and memory compared.
// `npx tsx scripts/conformance-exec.ts [--count N] [--seed S] [--rows REGEX]`: REGEX by name of a row or by its semantics. Exit status 1 on any mismatch.
import { parseArgs } from 'node:util'
import { createDecoder } from '../src/emulator/cpu/decode/table.ts'
import { allOperations, lower } from '../src/emulator/cpu/semantics/instruction-set.ts'
import { caseSource } from './conformance/exec-cases.ts'
import { KNOWN_EXEC_DIFFERENCES } from './conformance/exec-known-differences.ts'
import { openOurs } from './conformance/exec-ours.ts'
import { differences, type ExecCase, type ExecResult, FEATURES } from './conformance/exec-record.ts'
import { openReference } from './conformance/exec-reference.ts'
import { seededRandom } from './conformance/words.ts'

const BATCH = 20_000
const EXAMPLES = 20

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, rows: { type: 'string', default: '' } },
})
const [count, seed] = [Number(values.count), Number(values.seed)]
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
  console.error('--count and --seed are whole numbers')
  process.exit(2)
}
const begin = performance.now()
const next = caseSource(seededRandom(seed), new RegExp(values.rows))
const ours = openOurs()
const reference = openReference()
const decoder = createDecoder(FEATURES)
const operations = new Set<string>()
const groups = new Map<string, { tests: number; rows: Set<string>; known: number; mismatches: number }>()
const examples: string[] = []
/** By row: tests, and those whose difference is known. */
const explained = new Map(KNOWN_EXEC_DIFFERENCES.map(({ row }) => [row, { tests: 0, known: 0 }]))
try {
  for (let done = 0; done < count; done += BATCH) {
    const cases = Array.from({ length: Math.min(BATCH, count - done) }, next)
    const theirs = reference.run(cases)
    cases.forEach((test, i) => {
      check(test, ours(test), theirs[i]!)
    })
  }
} finally {
  reference.close()
}

/** Notes which operation the word became; branches back stay in the page, forward ones leave it. */
function note(word: number): void {
  const { op, offset } = lower(decoder.decode(word), word, { sysregs: new Map(), zvaBlock: 4, countersInside: true })
  operations.add(offset !== undefined && offset < 0 ? `${op}.near` : op)
}

function check(test: ExecCase, result: ExecResult, theirs: ExecResult): void {
  note(test.words[1])
  const found = differences(result, theirs)
  const group = groups.get(test.group) ?? { tests: 0, rows: new Set<string>(), known: 0, mismatches: 0 }
  groups.set(test.group, group)
  group.tests++
  group.rows.add(test.name)
  const excuse = explained.get(test.name)
  if (excuse) excuse.tests++
  if (found.length === 0) return
  if (excuse && KNOWN_EXEC_DIFFERENCES.some(({ row, corrected }) => row === test.name && differences(result, corrected(test, theirs)).length === 0)) {
    excuse.known++
    group.known++
    return
  }
  group.mismatches++
  const words = test.words.map(word => word.toString(16).padStart(8, '0')).join(' ')
  if (examples.length < EXAMPLES) examples.push(`mismatch: ${test.name} ${words}: ${found.slice(0, 4).join('; ')}`)
}

const line = (...cells: readonly (string | number)[]): void =>
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(22) : String(cell).padStart(12))).join(''))
line('group', 'tests', 'encodings', 'known', 'mismatches')
let [tests, rows, known, mismatches] = [0, 0, 0, 0]
for (const [name, group] of [...groups].sort()) {
  line(name, group.tests, group.rows.size, group.known, group.mismatches)
  tests += group.tests
  rows += group.rows.size
  known += group.known
  mismatches += group.mismatches
}
line('all', tests, rows, known, mismatches)
for (const { row, reason } of KNOWN_EXEC_DIFFERENCES) {
  const excuse = explained.get(row)!
  if (excuse.known > 0) console.log(`known difference, ${excuse.known} of ${excuse.tests} tests of ${row}: ${reason}`)
}
/** That many tests of a row find its difference surely. */
const ENOUGH = 100
const stale = [...explained].filter(([, excuse]) => excuse.tests >= ENOUGH && excuse.known === 0).map(([row]) => row)
if (stale.length > 0) console.log(`known differences that explained nothing: ${stale.join(', ')}`)
for (const example of examples) console.log(example)
// What a user program cannot do, or this reference does not show: see the unit tests.
const elsewhere = /^(TRAP|NOP_EL1|M(RS|SR)_.*)$/
const untried = allOperations().flatMap(({ name }) => (operations.has(name) || elsewhere.test(name) ? [] : [name]))
const rest = values.rows !== '' ? '' : untried.length === 0 ? ', which is all' : `; not reached: ${untried.join(' ')}`
console.log(`${operations.size} operations executed${rest}`)
console.log(`seed ${seed}, ${((performance.now() - begin) / 1000).toFixed(1)} s`)
if (mismatches > 0 || stale.length > 0) process.exitCode = 1
