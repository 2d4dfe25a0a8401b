// Holds compiled regions against the interpreter on random programs: `npx tsx scripts/conformance-jit.ts [--programs N] [--seed S]`. Both run the same program,
// stop at the same random instructions, are saved and restored in between, and must have the same registers, memory and system registers. Exit status 1 when not.
import { parseArgs } from 'node:util'
import { lockstep } from '../test/emulator/cpu/jit/lockstep.ts'

const { values } = parseArgs({ options: { programs: { type: 'string', default: '500' }, seed: { type: 'string', default: '1' } } })
const first = Number(values.seed)
const count = Number(values.programs)
let slots = 0
let failed = 0
for (let seed = first; seed < first + count; seed++) {
  const result = lockstep(seed)
  slots += result.slots
  if (result.difference === undefined) continue
  failed++
  console.error(result.difference)
}
console.log(`${slots} places of entry into compiled code`)
console.log(`${count - failed} passed, ${failed} failed`)
process.exitCode = failed > 0 || slots < count ? 1 : 0
