// Owns how explanations read on a terminal: one block an answer, the rule first, then who does what, consequences, what to do, sources. Decides nothing.
import type { Answer, CallAnswer, ErrnoAnswer, ExplainReport, PsciAnswer, ServiceAnswer, ValueAnswer } from '../ops/explain/explain-report.ts'
import { kernelsText, onText } from './explain-kernels.ts'
import { registerLines } from './explain-register.ts'
import type { Page, Style } from './page.ts'
import { table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderExplain({ understood, answers, on, more }: ExplainReport, page: Page, details: boolean): string {
  const { style } = page
  const blocks = answers.map((answer, i) => [
    style.dim(`understood as ${terminalText(understood[i] ?? '')}${on === undefined ? '' : `, on ${terminalText(on)}`}`),
    ...answerLines(answer, page, details),
  ])
  const rest = more === undefined ? [] : ['', style.dim(`and ${more.length} more: ${more.slice(0, 8).join(' ')}${more.length > 8 ? ' …' : ''}`)]
  return [...blocks.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines])), ...rest].join('\n')
}

function answerLines(answer: Answer, page: Page, details: boolean): readonly string[] {
  const { style } = page
  const columns = page.columns ?? 100
  return [
    style.bold(terminalText(answer.title)),
    ...answer.rule.flatMap(sentence => wrap(terminalText(sentence), columns - 2).map(line => `  ${line}`)),
    ...(answer.since === undefined ? [] : [`  since ${terminalText(answer.since)}`]),
    ...body(answer, columns, style, details),
    ...list(consequencesHead(answer), answer.consequences, columns, style),
    ...list('what to do', answer.advice, columns, style),
    ...sources(answer.sources, columns, style, details),
  ]
}

const consequencesHead = ({ kind }: Answer): string => (kind === 'message' ? 'likely causes' : 'what follows')

function body(answer: Answer, columns: number, style: Style, details: boolean): readonly string[] {
  switch (answer.kind) {
    case 'psci':
      return psciLines(answer, columns, style, details)
    case 'register':
      return registerLines(answer, columns, style, details)
    case 'value':
      return valueLines(answer, columns, style, details)
    case 'errno':
      return errnoLines(answer, columns, style)
    case 'call':
      return callLines(answer)
    case 'service':
      return serviceLines(answer)
    case 'message':
      return []
    case 'code':
      return list(
        'reported',
        answer.reports.map(({ text, url }) => `${text}: ${url}`),
        columns,
        style,
      )
    case 'builds':
      return [
        ...list('a guest notices', answer.guest, columns, style),
        ...list('a VMM notices', details ? answer.vmm : answer.vmm.slice(0, MOST_NOTICES), columns, style),
        ...(details || answer.vmm.length <= MOST_NOTICES ? [] : [style.dim(`  and ${answer.vmm.length - MOST_NOTICES} more (--details)`)]),
      ]
    default:
      return answer satisfies never
  }
}

/** A heading, and one dash an item. */
export function list(head: string, items: readonly string[], columns: number, style: Style): string[] {
  if (items.length === 0) return []
  return ['', style.bold(head), ...items.flatMap(item => wrap(`- ${terminalText(item)}`, columns - 2, '  ').map(line => `  ${line}`))]
}

function sources(all: readonly string[], columns: number, style: Style, details: boolean): string[] {
  if (all.length === 0) return []
  const shown = details ? all : all.slice(0, 3)
  const rest = all.length - shown.length
  return ['', ...wrap(`source: ${shown.map(terminalText).join('; ')}${rest > 0 ? `; and ${rest} more (--details)` : ''}`, columns, '  ').map(style.dim)]
}

/** How much of what a VMM notices between two builds is shown when nobody asks for all. */
const MOST_NOTICES = 6
/** How many functions of a version are shown when nobody asks for all. */
const MOST_FUNCTIONS = 3

function psciLines({ versions, functions, from }: PsciAnswer, columns: number, style: Style, details: boolean): string[] {
  const shown = from !== undefined || details ? functions : functions.slice(0, MOST_FUNCTIONS)
  const rows = shown.flatMap(({ change, name, ids, answer, meaning, needs }) => {
    const lead = `${change === 'offered' ? '' : `${change}  `}${name}  ${ids.join(' ')}${answer === undefined ? '' : `, a call comes back with ${answer}`}`
    return [`  ${lead}`, ...wrap(`${meaning}${needs === undefined ? '' : `, when ${needs}`}`, columns - 6).map(line => `      ${line}`)]
  })
  return [
    '',
    ...table(
      [{ head: 'version' }, { head: 'value' }, { head: 'a new VM gets it on' }, { head: 'accepted by' }, { head: 'in Linux since' }],
      versions.map(({ version, value, defaultOn, acceptedOn, since }) => [
        version,
        value,
        kernelsText(defaultOn),
        kernelsText(acceptedOn),
        since?.replace('Linux ', '') ?? '',
      ]),
      '  ',
    ).map((line, i) => (i === 0 ? style.bold(line) : line)),
    ...(rows.length === 0 ? [] : ['', ...rows]),
    ...(shown.length < functions.length ? [style.dim(`  and ${functions.length - shown.length} older functions (--details)`)] : []),
  ]
}

function valueLines({ fields, tried }: ValueAnswer, columns: number, style: Style, details: boolean): string[] {
  // Fields that hold nothing say nothing, unless all are asked for.
  const shown = details ? fields : fields.filter(({ value, meaning }) => value !== '0x0' || (meaning !== undefined && meaning !== 'NI' && meaning !== '0'))
  return [
    ...(shown.length === 0
      ? []
      : [
          '',
          style.bold('fields'),
          ...table(
            [{}, {}, {}],
            shown.map(({ name, value, meaning }) => [name, value, meaning ?? '']),
            '  ',
          ),
        ]),
    ...(shown.length < fields.length ? [style.dim(`  ${fields.length - shown.length} more are 0 (--details)`)] : []),
    '',
    style.bold('tried'),
    ...tried.flatMap(row => {
      const fresh = row.fresh === undefined ? '' : `, a fresh vCPU has ${row.fresh}`
      const read = row.readBack === undefined ? '' : `, reads back ${row.readBack}`
      return wrap(`${onText(row)}: ${row.outcome}${row.why === undefined ? '' : `, ${row.why}`}${read}${fresh}`, columns - 2, '  ').map(line => `  ${line}`)
    }),
  ]
}

function errnoLines({ causes, others, takenBy }: ErrnoAnswer, columns: number, style: Style): string[] {
  const said = ({ cause, values }: ErrnoAnswer['causes'][number]) => (values.length === 0 ? cause : `${cause}: ${values.join(', ')}`)
  // On one host the kernel need not be said again.
  const kernels = new Set([...causes, ...others.flatMap(other => other.causes)].flatMap(row => row.kernels))
  const where = (row: ErrnoAnswer['causes'][number]) => (kernels.size === 1 ? '' : ` (${onText(row)})`)
  return [
    ...(causes.length === 0 ? [] : ['', style.bold('causes, the likely one first')]),
    ...causes.flatMap((row, i) => wrap(`${i + 1}. ${terminalText(said(row))}${where(row)}`, columns - 2, '   ').map(line => `  ${line}`)),
    ...list(
      'who takes them',
      takenBy.map(row => `${row.values.join(', ')}: ${onText(row)}`),
      columns,
      style,
    ),
    ...(others.length === 0 ? [] : ['', style.bold('what else this register answers')]),
    ...others.flatMap(({ outcome, causes: rows }) =>
      rows.flatMap(row => {
        const lead = row.cause.startsWith(outcome) ? row.cause : `${outcome}: ${row.cause}`
        return wrap(`${lead}${row.values.length === 0 ? '' : `: ${row.values.join(', ')}`}${where(row)}`, columns - 2, '  ').map(line => `  ${line}`)
      }),
    ),
  ]
}

function callLines({ ids, owner, arguments: args, specified, offered, gate, answeredOn, notAnsweredOn }: CallAnswer): string[] {
  const rows = [
    ['ids', ids.join(' ')],
    ['owner', owner],
    ...(args.length === 0 ? [] : [['arguments', args.join(', ')]]),
    ...(specified === undefined ? [] : [['specified', `PSCI ${specified}`]]),
    ...(offered === undefined ? [] : [['answered by KVM', `from PSCI ${offered} on`]]),
    ...(gate === undefined ? [] : [['switched by', `${gate.register} bit ${gate.bit} (${gate.service})`]]),
    ['kernels', answeredOn.length === 0 ? 'no recorded one answers it' : kernelsText(answeredOn)],
    ...(answeredOn.length === 0 || notAnsweredOn.length === 0 ? [] : [['not on', kernelsText(notAnsweredOn)]]),
  ]
  return ['', ...table([{}, {}], rows, '  ')]
}

function serviceLines({ register, bit, default: isOn, calls, offeredOn, registerOn }: ServiceAnswer): string[] {
  const rows = [
    ['register', `${register.name} bit ${bit}, ${register.id}`],
    ['default', isOn ? 'on' : 'off'],
    ...calls.map(({ name, id }, i) => [i === 0 ? 'calls' : '', `${id} ${name}`]),
    ['register on', kernelsText(registerOn)],
    ['offered on', offeredOn.length === 0 ? 'no recorded kernel by itself' : kernelsText(offeredOn)],
  ]
  return ['', ...table([{}, {}], rows, '  ')]
}
