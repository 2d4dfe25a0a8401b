// Owns how a register's explanation reads: what the id says, who lists it, what writes do, what it means for guest and restore. Decides nothing.
import type { RegisterAnswer, WriteOutcome } from '../ops/explain/explain-report.ts'
import { kernelsText, onText } from './explain-kernels.ts'
import type { Style } from './page.ts'
import { table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function registerLines(answer: RegisterAnswer, columns: number, style: Style, details: boolean): string[] {
  const { levels = [], troubles } = answer
  const section = (head: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', style.bold(head), ...lines])
  const wrapped = (text: string, indent = '  '): string[] => wrap(terminalText(text), columns - 2, indent).map(line => `  ${line}`)
  return [
    '',
    ...table([{}, {}], identityRows(answer, columns), '  '),
    ...section(
      'listed',
      listedRows(answer).flatMap(line => wrapped(line)),
    ),
    ...section(
      'a fresh vCPU has',
      answer.fresh.flatMap(row => wrapped(`${row.value}${row.meaning === undefined ? '' : ` (${row.meaning})`} on ${onText(row)}`)),
    ),
    ...section(
      'a write',
      answer.writes.flatMap(row => [
        ...wrapped(`${onText(row)}${row.features.length === 0 ? '' : `, with ${row.features.join(' ')}`}`),
        ...row.outcomes.flatMap(outcome => wrapped(outcomeText(outcome, row.between), '    ').map(line => `  ${line}`)),
      ]),
    ),
    ...section(
      'levels',
      table(
        [{ head: 'value' }, { head: 'name' }, { head: 'guest sees' }, { head: 'means' }],
        levels.map(({ value, name, guestSees, meaning }) => [value, name, String(guestSees), meaning]),
        '  ',
      ).slice(0, levels.length === 0 ? 0 : undefined),
    ),
    ...section('fields', fieldLines(answer, columns, details)),
    ...section(
      'when it reads back differently',
      answer.visibility.flatMap(({ when, fields, visible, why }) =>
        wrapped(`${visible ? 'the guest can tell' : 'the guest cannot tell'}${fields ? ` (${fields.join(', ')})` : ''}${when ? ` when ${when}` : ''}: ${why}`),
      ),
    ),
    ...section(
      'when it is refused',
      answer.droppable.flatMap(({ errnos, when, droppable, reason }) =>
        wrapped(`${errnos ? `${errnos.join(', ')}: ` : ''}${droppable ? 'may be left out' : 'may not be left out'}${when ? ` when ${when}` : ''}: ${reason}`),
      ),
    ),
    ...section(
      'known trouble',
      troubles.flatMap(({ text, url }) => [...wrapped(`- ${text}`), `    ${style.dim(url)}`]),
    ),
  ]
}

function identityRows({ register }: RegisterAnswer, columns: number): (readonly string[])[] {
  const { id, parts, scope, bytes, aliases } = register
  const [first = '', ...rest] = wrap(register.meaning, columns - 14)
  return [
    ['what it is', first],
    ...rest.map(line => ['', line]),
    ['id', `${id}: ${parts.size}, coprocessor ${parts.coproc}, index ${parts.index}`],
    ['', parts.says],
    ['size', `${bytes} bytes`],
    ...(scope === undefined ? [] : [['scope', scope === 'vm' ? 'the VM: a write through one vCPU is seen by all' : 'each vCPU']]),
    ...(aliases.length === 0 ? [] : [['also', aliases.join(' ')]]),
  ]
}

function listedRows({ listed, notListed, register }: RegisterAnswer): string[] {
  return [
    ...listed.map(({ kernels, cpus, features }) => {
      const where = cpus === undefined ? '' : `, on ${cpus.join(', ')} only`
      return `by ${kernelsText(kernels)}${where}${features.length === 0 ? '' : `, with ${features.join(' ')}`}`
    }),
    ...(notListed.length === 0 || listed.length === 0 ? [] : [`not by ${kernelsText(notListed)}`]),
    ...(register.listedWhen === undefined || register.listedWhen === 'always' ? [] : [`when: ${register.listedWhen}`]),
  ]
}

function outcomeText({ before, after, values }: WriteOutcome, between: string): string {
  return `${before}: ${values.join(', ')}${after === before ? '' : `; after ${between}: ${after}`}`
}

function fieldLines({ fields }: RegisterAnswer, columns: number, details: boolean): string[] {
  const bits = ({ msb, lsb }: RegisterAnswer['fields'][number]) => (msb === lsb ? `${msb}` : `${msb}:${lsb}`)
  if (!details) return fields.length === 0 ? [] : wrap(fields.map(field => `${field.name}[${bits(field)}]`).join(' '), columns - 2).map(line => `  ${line}`)
  return table(
    [{}, {}, {}],
    fields.map(field => [bits(field), field.name, field.values?.join(', ') ?? '']),
    '  ',
  )
}
