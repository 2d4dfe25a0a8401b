// Holds translation against qemu-system-aarch64: random regimes, tables and accesses at EL1 and EL0; ESR, FAR, ELR, loaded values, PAR and all memory compared.
// `npx tsx scripts/conformance-mmu.ts [--worlds N] [--cases N] [--seed S] [--only WORLD]`. Exit status 1 on any mismatch outside the list of known differences.
import { parseArgs } from 'node:util'
import { KNOWN_MMU_DIFFERENCES } from './conformance/mmu-known-differences.ts'
import { type AccessCase, type AccessResult, MEMORY, Memory, PLACE, type Regime, readIdentification, readResults, writeRun } from './conformance/mmu-memory.ts'
import { runOurs } from './conformance/mmu-ours.ts'
import { openMmuReference } from './conformance/mmu-reference.ts'
import { MMU_CPUS, makeWorld } from './conformance/mmu-world.ts'
import { seededRandom } from './conformance/words.ts'

const EXAMPLES = 25
const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: '60' },
    cases: { type: 'string', default: '1500' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
})
/** The run that .ci/run makes: every known difference turns up in it. */
const whole = process.argv.length === 2
const begin = performance.now()
const reference = openMmuReference()
const groups = new Map<string, { passed: number; known: number; failed: number }>()
const known = new Map(KNOWN_MMU_DIFFERENCES.map(each => [each.name, 0]))
const outcomes = new Map<number, number>()
const examples: string[] = []
const hex = (value: bigint): string => `0x${value.toString(16)}`
const classOf = (esr: bigint): number => Number(esr >> 26n)
const SVC = 0x15
const RETURN_ADDRESS = new Set([SVC])

/** What counts: an access that ended by SVC has values, any other its syndrome. */
function seen({ esr, far, elr, x2, x3 }: AccessResult, loads: boolean): string {
  if (RETURN_ADDRESS.has(classOf(esr))) return loads ? `ok x2=${hex(x2)} x3=${hex(x3)}` : 'ok'
  return `esr=${hex(esr)} far=${hex(far)} elr=${hex(elr)}`
}

function check(test: AccessCase, ours: AccessResult, theirs: AccessResult, world: { regime: Regime; storedElsewhere: boolean }, where: string): void {
  const group = groups.get(test.operation) ?? { passed: 0, known: 0, failed: 0 }
  groups.set(test.operation, group)
  const [a, b] = [seen(ours, true), seen(theirs, true)]
  const key = classOf(theirs.esr) === SVC ? -1 : Number(theirs.esr & 0x3fn)
  outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
  if (a === b) {
    group.passed++
    return
  }
  const excuse = KNOWN_MMU_DIFFERENCES.find(each => each.explains(test, ours, theirs, world))
  if (excuse) {
    if (excuse.stores && /store|zero/.test(test.operation)) world.storedElsewhere = true
    known.set(excuse.name, known.get(excuse.name)! + 1)
    group.known++
    return
  }
  group.failed++
  if (examples.length < EXAMPLES) examples.push(`${where} ${test.operation} ${hex(test.address)} pstate ${test.pstate.toString(16)}: ours ${a}, theirs ${b}`)
}

let worlds = 0
let memoryFailures = 0
try {
  for (let i = 0; i < Number(values.worlds); i++) {
    if (values.only !== undefined && i !== Number(values.only)) continue
    const cpu = MMU_CPUS[i % MMU_CPUS.length]!
    const memory = new Memory()
    const { regime, cases, description } = makeWorld(memory, cpu, reference.harness, seededRandom(Number(values.seed) * 1000 + i), Number(values.cases))
    writeRun(memory, regime, cases)
    const theirs = reference.run(cpu.name, memory)
    const ours = runOurs(memory, readIdentification(theirs))
    const [ourResults, theirResults] = [readResults(ours, cases.length), readResults(theirs, cases.length)]
    const failedBefore = [...groups.values()].reduce((sum, group) => sum + group.failed + group.known, 0)
    const world = { regime, storedElsewhere: false }
    cases.forEach((test, n) => void check(test, ourResults[n]!, theirResults[n]!, world, `world ${i} (${description}), case ${n}:`))
    const clean = failedBefore === [...groups.values()].reduce((sum, group) => sum + group.failed + group.known, 0)
    // What a store that was made by one side only leaves in memory is counted with the store.
    for (const [from, to] of [
      [PLACE.frames, PLACE.framesEnd],
      [PLACE.tables, PLACE.end],
    ] as const) {
      const differs = firstDifference(ours, theirs, Number(from - MEMORY.start), Number(to - MEMORY.start))
      if (differs === undefined || !clean) continue
      memoryFailures++
      examples.push(`world ${i} (${description}): memory differs at ${hex(MEMORY.start + BigInt(differs))}`)
    }
    worlds++
  }
} finally {
  reference.close()
}

function firstDifference(a: Uint8Array, b: Uint8Array, from: number, to: number): number | undefined {
  for (let at = from; at < to; at++) if (a[at] !== b[at]) return at
  return undefined
}

const line = (...cells: readonly (string | number)[]): void =>
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(24) : String(cell).padStart(10))).join(''))
line('operation', 'passed', 'known', 'failed')
let [passed, excused, failed] = [0, 0, memoryFailures]
for (const [name, group] of [...groups].sort()) {
  line(name, group.passed, group.known, group.failed)
  passed += group.passed
  excused += group.known
  failed += group.failed
}
for (const example of examples) console.log(example)
console.log(
  `reference: ${[...outcomes]
    .sort(([a], [b]) => a - b)
    .map(([status, n]) => `${status < 0 ? 'done' : `status 0x${status.toString(16)}`} ${n}`)
    .join(', ')}`,
)
for (const [name, times] of known) {
  console.log(`known: ${name}: ${times}`)
  if (times === 0 && whole) {
    failed++
    console.log('  explains nothing any more')
  }
}
console.log(`${worlds} worlds, ${memoryFailures} with other memory, ${((performance.now() - begin) / 1000).toFixed(1)} s`)
console.log(`${passed + excused} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
