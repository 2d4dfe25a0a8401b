// Owns where the results of a check go: the terminal, JSON as they come, report files. Bundled with `check`, not with what every start loads.
import type { CheckRow, CheckSummary } from '../ops/check/check-report.ts'
import { checkFleet, type FleetRequest, type FleetStart } from '../ops/fleet/fleet.ts'
import type { CheckSettings, FileOutcome } from '../ops/fleet/outcome.ts'
import { type WriteText, withOutputFiles } from '../ops/fleet/output-files.ts'
import { matrixEnd, matrixHead, matrixRow, policyNotes } from '../render/check-matrix.ts'
import { renderCheckResult } from '../render/check-result.ts'
import type { Page } from '../render/page.ts'
import type { StreamedReport } from '../render/report-files/streamed-report.ts'
import { usageError } from './failure.ts'
import type { JsonResults } from './json-results.ts'
import type { Outcome } from './snap-command.ts'

/** What `check` says besides what is checked. */
export interface CheckOutputs {
  readonly sarif?: string | undefined
  readonly junit?: string | undefined
  readonly html?: string | undefined
  readonly force: boolean
  readonly details: boolean
}

export interface CheckScreen {
  /** For a report that goes to standard output. Throws USAGE where it cannot. */
  claim(flag: string, path: string): void
  say(text: (page: Page) => string): Promise<void>
  /** Undefined when text is wanted. */
  readonly results: JsonResults | undefined
}

/** Runs a check to its summary, with everything printed and written on the way. The outcome's text is empty: it has been printed. */
export async function runCheck(request: FleetRequest, outputs: CheckOutputs, screen: CheckScreen): Promise<Outcome<CheckSummary>> {
  const makers = reportMakers(request, outputs)
  for (const { flag, path } of makers) screen.claim(flag, path)
  const paths = makers.map(({ path }) => path)
  if (paths.filter(path => path === '-').length > 1) throw usageError('standard output takes one report only', 'write the others to files')
  const options = { force: outputs.force, ...(request.signal ? { signal: request.signal } : {}) }
  return withOutputFiles(paths, options, async write => {
    const { results } = screen
    let reports: readonly StreamedReport[] = []
    let text: TextMode | undefined
    const { summary, status, failure } = await checkFleet(
      request,
      async (start): Promise<CheckSettings['want']> => {
        reports = await Promise.all(makers.map(({ make }) => make(start)))
        await everywhere(reports, write, report => report.start())
        text = results ? undefined : textMode(start, outputs.details, request.hosts ? 'host' : 'file')
        return { json: results !== undefined, rows: reports.length > 0 || text?.whole === true }
      },
      async outcome => {
        if (results && outcome.json) await results.add(outcome.json)
        else await screen.say(page => text?.row(outcome, page) ?? '')
        for (const row of outcome.rows ?? []) await everywhere(reports, write, report => report.row(row))
      },
    )
    await everywhere(reports, write, report => report.end(summary))
    if (!failure) await screen.say(page => text?.end(summary, page) ?? '')
    return { report: summary, text: () => '', status, ...(failure ? { failure } : {}) }
  })
}

async function everywhere(reports: readonly StreamedReport[], write: WriteText, say: (report: StreamedReport) => string): Promise<void> {
  for (const [index, report] of reports.entries()) await write(index, say(report))
}

interface ReportMaker {
  readonly flag: string
  readonly path: string
  readonly make: (start: FleetStart) => Promise<StreamedReport>
}

function reportMakers({ failOn, settings, hosts }: FleetRequest, { sarif, junit, html }: CheckOutputs): readonly ReportMaker[] {
  const makers: (ReportMaker | undefined)[] = [
    sarif === undefined ? undefined : { flag: '--sarif', path: sarif, make: async () => (await import('../render/report-files/sarif.ts')).sarifReport() },
    junit === undefined
      ? undefined
      : { flag: '--junit', path: junit, make: async ({ targets }) => (await import('../render/report-files/junit.ts')).junitReport({ targets, failOn }) },
    html === undefined
      ? undefined
      : {
          flag: '--html',
          path: html,
          make: async ({ targets }) => {
            const { htmlReport } = await import('../render/report-files/html.ts')
            const { targetDifferences } = await import('../ops/fleet/target-differences.ts')
            return htmlReport({ targets, failOn, rows: hosts ? 'host' : 'file', differences: await targetDifferences(settings.targets) })
          },
        },
  ]
  return makers.filter(maker => maker !== undefined)
}

interface TextMode {
  /** Whole results are needed, not only brief ones. */
  readonly whole: boolean
  row(outcome: FileOutcome, page: Page): string
  end(summary: CheckSummary, page: Page): string
}

/** One result is told in full, a few files are a matrix, of many files only those that do not survive have a line. */
function textMode({ targets, known, more }: FleetStart, details: boolean, rows: 'file' | 'host'): TextMode {
  const isOne = targets.length === 1 && known === 1 && !more
  const whole = isOne || details
  let told = 0
  return {
    whole,
    row: (outcome, page) => {
      if (outcome.skipped || (more && !whole && !isNotable(outcome))) return ''
      // Alone and unreadable: that is an error of the command, and said as one.
      if (outcome.error && known === 1 && !more) return ''
      const before = told++ > 0 ? (whole ? '\n' : '') : whole ? '' : headOf(targets, page, rows)
      if (!whole || !outcome.rows || outcome.error) return before + matrixRow(outcome, targets, page)
      return before + outcome.rows.map(row => resultText(row, page, details)).join('\n\n')
    },
    end: (summary, page) =>
      [isOne ? '' : `\n${matrixEnd(summary, { listedAll: !more || whole, rows }, page)}`, policyNotes(summary, page)].filter(text => text !== '').join('\n'),
  }
}

function headOf(targets: readonly string[], page: Page, rows: 'file' | 'host'): string {
  const head = matrixHead(targets, page, rows)
  return head === '' ? '' : `${head}\n`
}

const isNotable = ({ results, error }: FileOutcome): boolean => error !== undefined || results.some(({ verdict }) => verdict !== 'survives')

const resultText = (row: CheckRow, page: Page, details: boolean): string => ('error' in row ? '' : renderCheckResult(row, page, details))
