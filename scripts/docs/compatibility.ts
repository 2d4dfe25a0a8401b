// Owns docs/compatibility.md and docs/compatibility.html: every built-in build × every other, from new guests. Made by the operations behind
// `builds matrix` and `check --report`; nothing here judges.
import { listBuilds } from '../../src/builds/load.ts'
import type { CheckResult } from '../../src/ops/check/check-report.ts'
import { finisher } from '../../src/ops/fleet/check-one.ts'
import { SummaryCounter } from '../../src/ops/fleet/summary.ts'
import { targetDifferences } from '../../src/ops/fleet/target-differences.ts'
import { type BuildsMatrixReport, buildsMatrix, type MatrixCell, type MatrixOptions } from '../../src/ops/matrix/builds-matrix.ts'
import { type KernelTable, lettersOf, matrixTables } from '../../src/ops/matrix/matrix-tables.ts'
import { htmlReport } from '../../src/render/report-files/html.ts'

/** The guest that the HTML page and the first half of the text are about. */
const PLAIN: MatrixOptions = { features: ['psci_0_2'] }
/** What `-cpu host` gives. */
const FULL: MatrixOptions = { features: 'host' }

const MARKS = { survives: '✓', changed: '~', refused: '✗' } as const

function cellText(cell: MatrixCell | undefined, causes: BuildsMatrixReport['causes']): string {
  if (cell === undefined) return ''
  return cell.verdict === 'survives' ? MARKS.survives : `${MARKS[cell.verdict]} ${lettersOf(cell.causes, causes)}`
}

function kernelTable({ from, to, cells }: KernelTable, causes: BuildsMatrixReport['causes']): string {
  const rows = from.map(({ kernel }, row) => `| **${kernel}** | ${(cells[row] ?? []).map(cell => cellText(cell, causes)).join(' | ')} |`)
  return `| from \\ to | ${to.map(({ kernel }) => kernel).join(' | ')} |\n|---|${to.map(() => '---').join('|')}|\n${rows.join('\n')}\n`
}

/** The section of one CPU, as the page has it: a test makes it anew for one CPU alone. */
export function cpuSection(table: KernelTable, causes: BuildsMatrixReport['causes'], level = '###'): string {
  return `${level} ${table.cpu}\n\n${kernelTable(table, causes)}`
}

/** All kernels of a CPU against all of another: of so many pairs so many are refused, and the letters. */
function pairTable(report: BuildsMatrixReport): string {
  const { pairs } = matrixTables(report)
  const cpus = [...new Set(pairs.flatMap(({ from, to }) => [from, to]))]
  const cell = (from: string, to: string): string => {
    const pair = pairs.find(each => each.from === from && each.to === to)
    if (!pair) return ''
    const { survives, changed, refused } = pair.verdicts
    return `${refused === survives + changed + refused ? MARKS.refused : `${survives} ${MARKS.survives}, ${changed} ${MARKS.changed}, ${refused} ${MARKS.refused}`} ${pair.letters}`
  }
  const rows = cpus.map(from => `| **${from}** | ${cpus.map(to => cell(from, to)).join(' | ')} |`)
  return `| from \\ to | ${cpus.join(' | ')} |\n|---|${cpus.map(() => '---').join('|')}|\n${rows.join('\n')}\n`
}

const legend = ({ causes, cells }: BuildsMatrixReport): string =>
  `| | why | in pairs | what to do |\n|---|---|---|---|\n${causes.map(({ letter, words, remedy, pairs }) => `| **${letter}** | ${words} | ${pairs} of ${cells.length} | ${remedy} |`).join('\n')}\n`

function part(title: string, intro: string, report: BuildsMatrixReport): string {
  const { verdicts, cells } = report
  const tables = matrixTables(report).kernels.map(table => cpuSection(table, report.causes))
  return `## ${title}

${intro} Of ${cells.length} pairs ${verdicts.survives} survive (${report.from.length} of them a host and itself), ${verdicts.changed} are changed, ${verdicts.refused} refused.

${tables.join('\n')}
### From one CPU to another

All kernels of one against all of the other. ✗: every pair is refused; the letters are those of all pairs together.

${pairTable(report)}
### Why

${legend(report)}`
}

export async function compatibilityPage(): Promise<string> {
  const plain = await buildsMatrix(PLAIN)
  const full = await buildsMatrix(FULL)
  return `# Which host takes guests of which

Made from the built-in builds by \`npm run docs\`; do not edit. Each build is a recording of a real kernel; each cell is a guest that was just made on the host
on the left and never ran, all its registers written blindly, in saved order, into a new VM of the host above. The same with every register and field:
[compatibility.html](compatibility.html).

- **✓ survives**: nothing is refused, and the guest can notice nothing.
- **~ changed**: nothing is refused, and the guest can notice something.
- **✗ refused**: a write is refused; a VMM that checks errors fails to load the guest. The letters say why, see the tables further down.

A VMM may do better or worse than the blind replay: QEMU 11 leaves out the registers behind **X**, and those behind **B** while they are 0. A guest that was
born for a fleet moves further than one that got each host's defaults: [baseline.md](baseline.md).

\`\`\`sh
psci-snap builds matrix                                        # the tables of the first part
psci-snap builds matrix --features host --vmm qemu-11.1        # all that a host gives by default, loaded by QEMU 11.1
psci-snap check --from linux-6.12 --to linux-6.16,linux-7.3    # some pairs, with every reason and what to do
psci-snap builds diff linux-6.12 linux-6.16                    # what two hosts differ in, in words
\`\`\`

${part('Plain guests', 'vCPUs with PSCI 0.2 and nothing else.', plain)}
${part('Guests with all that their host gives', 'vCPUs with PSCI 0.2 and, where the source host has them, PMU, SVE and pointer authentication: what QEMU makes of `-cpu host`.', full)}`
}

export async function compatibilityHtml(): Promise<string> {
  const cpus = [...new Set(listBuilds().map(({ cpu }) => cpu))]
  // By CPU: hosts that take each other's guests stand together.
  const names = cpus.flatMap(kernelsOf)
  const page = htmlReport({
    targets: names,
    rows: 'host',
    title: 'Which host takes guests of which',
    intro:
      'A new guest (PSCI 0.2 and nothing else) of every built-in build on the left, its registers written blindly into a new VM of every other. Each build is a recording of a real kernel. Made by npm run docs.',
    differences: await targetDifferences(kernelsOf('cortex-a72')),
  })
  const results: CheckResult[] = []
  await buildsMatrix({ ...PLAIN, from: names, to: names }, result => results.push(result))
  const summary = new SummaryCounter()
  const outcome = finisher({ today: '', want: { json: false, rows: false } })
  for (const name of names)
    summary.add(
      outcome(
        name,
        results.filter(({ source }) => source.file === name),
      ),
    )
  return [page.start(), ...results.map(result => page.row(result)), page.end(summary.summary({ targets: names, today: '' }))].join('')
}

const kernelsOf = (cpu: string): readonly string[] => listBuilds().flatMap(build => (build.cpu === cpu ? [build.name] : []))
