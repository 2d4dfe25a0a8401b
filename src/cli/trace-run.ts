// Owns where a trace goes: the terminal, JSON as it comes, a file in one of its formats. Bundled with `trace`, not with what every start loads.
import { withOutputFiles } from '../ops/fleet/output-files.ts'
import { type Traced, type TraceOptions, trace, traceStatus } from '../ops/trace/trace.ts'
import type { TraceBegin, TraceRow, TraceSummary } from '../ops/trace/trace-report.ts'
import { type Page, PLAIN_STYLE } from '../render/page.ts'
import { renderTrace, traceHead, traceLine } from '../render/trace.ts'
import { chromeTrace } from '../render/trace-chrome.ts'
import { failureOf, usageError } from './failure.ts'
import { guestOptions, runLimits } from './guest-flags.ts'
import { jsonLine } from './json.ts'
import type { JsonResults } from './json-results.ts'
import type { Outcome } from './snap-command.ts'

export const TRACE_FORMATS = ['text', 'jsonl', 'chrome'] as const
type TraceFormat = (typeof TRACE_FORMATS)[number]

interface TraceOutputs {
  readonly format?: TraceFormat | undefined
  readonly output?: string | undefined
  readonly force: boolean
  readonly details: boolean
}

interface TraceScreen {
  say(text: (page: Page) => string): Promise<void>
  /** Undefined when text is wanted. */
  readonly results: JsonResults | undefined
}

type TraceFlags = Parameters<typeof guestOptions>[0] &
  Parameters<typeof runLimits>[0] & {
    readonly kernel?: string | undefined
    readonly build?: string | undefined
    readonly until?: string | undefined
    readonly vcpu?: number[] | undefined
    readonly function?: string[] | undefined
    readonly 'max-calls': number
    readonly force: boolean
  }

/** The flags of `trace` as its operation takes them. Throws USAGE. */
export function traceOptions({ file }: { readonly file?: string | undefined }, flags: TraceFlags): TraceOptions {
  const { kernel, build, until, vcpu, function: functions, force } = flags
  return {
    ...guestOptions(flags),
    ...runLimits(flags),
    force,
    maxCalls: flags['max-calls'],
    ...(file === undefined ? {} : { file }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(build === undefined ? {} : { build }),
    ...(until === undefined ? {} : { until }),
    ...(vcpu === undefined ? {} : { vcpus: vcpu }),
    ...(functions === undefined ? {} : { functions }),
  }
}

/** What is written to a file, piece by piece. */
interface TraceWriter {
  readonly begin: (begin: TraceBegin) => string
  readonly row: (row: TraceRow) => string
  readonly end: (summary: TraceSummary) => string
}

const FILE_PAGE: Page = { columns: undefined, style: PLAIN_STYLE }

/** Runs a trace to its summary. With a file, rows go there and the screen gets the summary. */
export async function runTrace(options: TraceOptions, outputs: TraceOutputs, screen: TraceScreen): Promise<Outcome<TraceSummary>> {
  const { output } = outputs
  const format = outputs.format ?? formatOf(output)
  if (output === undefined && format !== 'text')
    throw usageError(`a trace in the format ${format} goes to a file`, format === 'jsonl' ? 'name it with -o FILE, or use --jsonl' : 'name it with -o FILE')
  const writer = output === undefined ? undefined : writerOf(format, outputs.details)
  // An interruption ends the guest, not the file: it holds what there was until then.
  const traced = await withOutputFiles(output === undefined ? [] : [output], { force: outputs.force }, async write => {
    const put = async (text: string): Promise<void> => (text === '' ? undefined : write(0, text))
    const { results } = screen
    const traced = await trace(options, {
      async begin(begin) {
        if (writer) await put(writer.begin(begin))
        else await screen.say(traceHead)
      },
      async rows(rows) {
        await results?.add(rows.map(row => Buffer.from(jsonLine(row))))
        if (writer) for (const row of rows) await put(writer.row(row))
        else await screen.say(page => rows.map(row => traceLine(row, page, outputs.details)).join('\n'))
      },
    })
    if (writer) await put(writer.end(traced.summary))
    return traced
  })
  return outcomeOf(traced, screen, output === undefined ? undefined : { file: output, format }, options.signal)
}

async function outcomeOf(
  { summary, failure }: Traced,
  screen: TraceScreen,
  written: { readonly file: string; readonly format: TraceFormat } | undefined,
  signal: AbortSignal | undefined,
): Promise<Outcome<TraceSummary>> {
  const text = (page: Page): string => `${written ? '' : '\n'}${renderTrace(summary, page, written)}`
  if (!failure) return { report: summary, text, status: traceStatus(summary) }
  await screen.say(text)
  return { report: summary, text, failure: failureOf(failure, { flags: [], usage: '' }, signal ?? new AbortController().signal) }
}

/** By the name of the file, where nobody says. */
function formatOf(output: string | undefined): TraceFormat {
  if (output === undefined) return 'text'
  return /\.jsonl$/i.test(output) ? 'jsonl' : /\.json$/i.test(output) ? 'chrome' : 'text'
}

function writerOf(format: TraceFormat, details: boolean): TraceWriter {
  if (format === 'chrome') {
    const { start, row, end } = chromeTrace()
    return { begin: start, row, end }
  }
  if (format === 'jsonl') return { begin: () => '', row: row => `${jsonLine(row)}\n`, end: summary => `${jsonLine({ summary })}\n` }
  return {
    begin: () => `${traceHead(FILE_PAGE)}\n`,
    row: row => `${traceLine(row, FILE_PAGE, details)}\n`,
    end: summary => `\n${renderTrace(summary, FILE_PAGE)}\n`,
  }
}
