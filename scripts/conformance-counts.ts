// Writes docs/conformance.md from the output of a whole `.ci/run`: what was compared with something that we did not write, and how much of it.
//
//   bash .ci/run >ci.log 2>&1; node --import tsx scripts/conformance-counts.ts ci.log
import { readFileSync, writeFileSync } from 'node:fs'
import { VERSION } from '../src/version.ts'

/** Steps of .ci/run, and what each holds against what. */
const STEPS: readonly (readonly [step: string, what: string])[] = [
  ['decoder against objdump', 'Which words are instructions, and their text, against GNU objdump; with and without aliases.'],
  ['instructions against qemu-aarch64', 'Random instructions with random state against `qemu-aarch64`: registers, flags, vectors, FPSR, memory.'],
  ['translation against qemu-system-aarch64', 'Random page tables and accesses against `qemu-system-aarch64`: values, ESR, FAR, PAR, memory.'],
  ['debug exceptions against qemu-system-aarch64', 'Breakpoints, watchpoints and single steps against `qemu-system-aarch64`.'],
  ['compiled regions against the interpreter', 'Random programs by compiled regions and by the interpreter, stopped anywhere: the whole state.'],
  ['floating point against exact arithmetic', 'Floating point against exact arithmetic on integers, written from the manual.'],
  ['fidelity to the recordings', 'The emulated KVM against recordings of real kernels.'],
  ['Linux on the built-in machine', "Debian's kernels: what they log here and on `qemu-system-aarch64 -M virt`, and moves while they run."],
  ['real kernels', 'Real kernels as KVM hosts: what they do and what was predicted.'],
]
/** Lines of one step that are kept: the last ones, where its table stands. */
const MOST_LINES = 60

const [file] = process.argv.slice(2)
if (file === undefined) {
  console.error('usage: conformance-counts.ts LOG, the output of .ci/run')
  process.exit(2)
}
const log = readFileSync(file, 'utf8')
const parts = new Map(
  log.split(/^=== /m).map(part => {
    const end = part.indexOf('\n')
    return [part.slice(0, end), part.slice(end + 1).trim()] as const
  }),
)
const sections = STEPS.map(([step, what]) => {
  const text = parts.get(step)
  const lines = (text ?? 'not run').split('\n').filter(line => !/^npm (warn|notice)/.test(line))
  return `## ${step[0]!.toUpperCase()}${step.slice(1)}\n\n${what}\n\n\`\`\`text\n${lines.slice(-MOST_LINES).join('\n')}\n\`\`\``
})
writeFileSync(
  new URL('../docs/conformance.md', import.meta.url),
  `<!-- Written by scripts/conformance-counts.ts from the output of .ci/run. -->\n\n# What is compared, and how much\n\nOf psci-snap ${VERSION}, on ${new Date().toISOString().slice(0, 10)}. Every comparison ends with zero mismatches outside an exact list of known differences, each with its reason, that fails when it is stale.\n\n${sections.join('\n\n')}\n`,
)
