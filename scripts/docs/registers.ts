// Owns docs/registers.md: the register catalogue, the visibility table and the droppable table, from src/arch. Pure: tables in, text out.
import { registerRows } from '../../src/arch/catalogue/catalogue.ts'
import type { RegisterClass, RegisterRow } from '../../src/arch/catalogue/row.ts'
import { WRITE_RULES } from '../../src/arch/catalogue/write-rules.ts'
import { droppableText } from '../../src/arch/droppable.ts'
import { registerFields } from '../../src/arch/fields/fields.ts'
import { showRegId } from '../../src/arch/reg-id.ts'
import { visibilityText } from '../../src/arch/visibility.ts'
import { isVolatile } from '../../src/arch/volatile.ts'

const CLASSES: readonly (readonly [RegisterClass, string])[] = [
  ['core', 'Core registers'],
  ['sve', 'SVE registers'],
  ['firmware', 'Firmware registers'],
  ['firmware-bitmap', 'Firmware bitmaps'],
  ['timer', 'Timers'],
  ['system', 'System registers'],
  ['demux', 'Cache geometry'],
]

/** X0, X1 … as one line: neighbours whose names differ by a number only and that say the same otherwise. */
function folded(rows: readonly RegisterRow[]): readonly (readonly RegisterRow[])[] {
  const stem = (row: RegisterRow) =>
    `${row.name.replace(/\d+(?=\]?$|_EL)/, '#')} ${row.meaning.replace(/\d+/g, '#')} ${row.listed} ${row.write} ${row.quirk ?? ''}`
  const groups = new Map<string, RegisterRow[]>()
  for (const row of rows) {
    const key = /^([XVZP]\d|DBG[BW]|PMEV|CCSIDR_EL1\[)/.test(row.name) ? stem(row) : row.name
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return [...groups.values()]
}

function line(rows: readonly RegisterRow[]): string {
  const [first] = rows
  const last = rows.at(-1)
  if (!first || !last) return ''
  const span = (a: string, b: string) => (a === b ? `\`${a}\`` : `\`${a}\` … \`${b}\``)
  const notes = [
    first.scope === 'vm' ? 'VM-wide' : '',
    first.since === undefined ? '' : `since ${first.since}`,
    isVolatile(first.id) ? 'runs by itself' : '',
    registerFields(first.id).length > 0 ? 'fields known' : '',
    first.quirk ?? '',
  ].filter(note => note !== '')
  const meaning = rows.length === 1 ? first.meaning : `${first.meaning} … ${last.meaning}`
  return `| ${span(first.name, last.name)} | ${span(showRegId(first.id), showRegId(last.id))} | ${first.bytes} | ${meaning} | ${first.listed ?? ''} | ${first.write ?? ''} | ${notes.join('; ')} |`
}

const HEAD = '| name | id | bytes | what it is | listed | write | notes |\n|---|---|---|---|---|---|---|'

export function registersDoc(): string {
  const all = [...registerRows()]
  const listed = all.filter(row => row.listed !== undefined)
  const sections = CLASSES.map(([kind, title]) => {
    const rows = listed.filter(row => row.class === kind)
    return `## ${title}\n\n${HEAD}\n${folded(rows).map(line).join('\n')}`
  })
  const rules = Object.entries(WRITE_RULES).map(([rule, text]) => `| \`${rule}\` | ${text} |`)
  const visible = visibilityText().map(row => `| ${row.registers} | ${row.fields} | ${row.when} | ${row.visible ? 'yes' : 'no'} | ${row.why} | ${row.source} |`)
  const drop = droppableText().map(row => `| ${row.registers} | ${row.errnos} | ${row.when} | ${row.droppable ? 'yes' : 'no'} | ${row.source} |`)
  return `# Registers

Made from the tables in \`src/arch\` by \`npm run docs\`; do not edit. ${all.length} ids have a name; the ${listed.length} that some KVM lists are below, the others are
system registers that the catalogue can name should a kernel list them one day.

On the command line a register is a name (in any case, \`KVM_REG_ARM_\` may be left out), an id such as \`0x6030000000140000\`, an encoding such as
\`S3_0_C0_C4_0\`, or a glob over names (\`*\`, \`?\`, \`[…]\`). An id without a name is spelled from its bits: \`S3_7_C15_C15_7\`, or
\`coproc 0x17 index 0x0003\`, with \` u32\` and so on when it is not 64 bits wide. "Since" is the first release that lists a register;
distributions and stable kernels backport, so it is evidence and never compared.

## What KVM does with a write

| rule | means |
|---|---|
${rules.join('\n')}

${sections.join('\n\n')}

## What a guest can observe

When a register reads back another value than was written, the first row that fits says whether the guest can observe that. Conditions look at the
saved registers and vCPU features of the guest; what is not known counts as visible.

| registers | fields | when | visible | why | source |
|---|---|---|---|---|---|
${visible.join('\n')}

## What may be left out

When a target refuses a register, the first row that fits says whether a VMM could leave it out without the guest noticing. Everything else may not.

| registers | errno | when | droppable | source |
|---|---|---|---|---|
${drop.join('\n')}
`
}
