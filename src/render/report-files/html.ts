// Owns the HTML page of a check: a matrix of rows by targets that is written as results come, and behind it each distinct outcome once.
// One file, loads nothing, and holds all its content without its script. Decides nothing.
import { createHash } from 'node:crypto'
import type { CheckResult, CheckRow, CheckSummary, CheckUnreadable } from '../../ops/check/check-report.ts'
import type { Verdict } from '../../ops/reports.ts'
import { count } from '../table.ts'
import { escapeHtml } from './escape.ts'
import { isUnreadable } from './failing.ts'
import { outcomeHtml } from './html-outcome.ts'
import { type Counts, closingHtml, filterHtml, headHtml, legendHtml, MARKS, summaryHtml, targetDifferencesHtml, verdictHtml } from './html-shell.ts'
import { Pool, type Pooled } from './pool.ts'
import type { ReportOptions, StreamedReport } from './streamed-report.ts'

/** What one page holds at most; beyond it the page says what it leaves out. Texts are limited in number and in UTF-16 code units. */
const LIMITS = { rows: 20_000, outcomes: [1500, 6 << 20], registers: [4000, 4 << 20], texts: [8000, 4 << 20], met: 20_000 } as const
/** An outcome that is met so often finds room where the first of its kind found none. */
const OFTEN = 10
/** So many outcomes are listed at once. */
const FEW_OUTCOMES = 12
/** With more targets than this a cell has room for its mark alone. */
const MOST_WIDE = 6

/** Keeps the rows of one file, the distinct outcomes and the registers they show, up to fixed limits. */
export function htmlReport(options: ReportOptions): StreamedReport {
  return new HtmlPage(options)
}

class HtmlPage implements StreamedReport {
  readonly #options: ReportOptions
  readonly #isWide: boolean
  readonly #outcomes = new Pool('o', ...LIMITS.outcomes)
  readonly #registers = new Pool('r', ...LIMITS.registers)
  readonly #texts = new Pool('n', ...LIMITS.texts)
  /** By the digest of a result: the id of its outcome, or how often it found no room. */
  readonly #met = new Map<string, string | number>()
  readonly #byTarget: ReadonlyMap<string, Counts>
  #file: string | undefined
  #cells: (CheckResult | undefined)[] = []
  #rows = 0

  constructor(options: ReportOptions) {
    this.#options = options
    this.#isWide = options.targets.length <= MOST_WIDE
    this.#byTarget = new Map(options.targets.map(name => [name, { survives: 0, changed: 0, refused: 0 }]))
  }

  start(): string {
    const { title = 'Will it move?', intro = '', targets, rows = 'file' } = this.#options
    const heads = targets.map(name => `<th>${escapeHtml(name)}`).join('')
    const what = rows === 'file' ? 'Files by target' : 'Source hosts by target'
    return [
      headHtml(title, intro),
      `<section id=matrix><h2>${what}</h2>${filterHtml(rows === 'file' ? 'file' : 'host')}<div class=box tabindex=0 role=region aria-label="${what}">`,
      `<table class="m ${this.#isWide ? 'w' : 'k'}"><thead><tr><th>${rows === 'file' ? 'file' : 'from'}${heads}</thead><tbody>\n`,
    ].join('')
  }

  row(row: CheckRow): string {
    if (isUnreadable(row)) return this.#flush() + this.#unreadable(row)
    const before = row.source.file === this.#file ? '' : this.#flush()
    this.#file = row.source.file
    const counts = this.#byTarget.get(row.target.build)
    if (counts) counts[row.verdict]++
    const place = this.#options.targets.findIndex((name, i) => name === row.target.build && this.#cells[i] === undefined)
    if (place >= 0) this.#cells[place] = row
    return before
  }

  end(summary: CheckSummary): string {
    const rest = this.#flush()
    const outcomes = this.#outcomes.all().toSorted((a, b) => b.uses - a.uses)
    const byReason = new Map(outcomes.toReversed().map(({ head, id }) => [head.slice(head.indexOf('</b> ') + 5), id]))
    return [
      `${rest}</tbody></table></div><p class=hint>A cell opens what decides it and what to do. Marks:</p>${legendHtml()}${this.#cut()}</section>\n`,
      summaryHtml(summary, this.#byTarget, reason => byReason.get(escapeHtml(reason))),
      '<section id=outcomes><h2>Outcomes</h2><p class=hint>Results that are alike are one outcome, the most frequent of each verdict first.</p>',
      ...(['refused', 'changed', 'survives'] as const).map(verdict => outcomesOf(verdict, outcomes)),
      '</section>\n',
      targetDifferencesHtml(this.#options.differences ?? []),
      shared('registers', 'Registers, as saved and on the target', this.#registers),
      shared('texts', 'Texts that outcomes share', this.#texts),
      '<footer><p>Predicted by psci-snap from recordings of real kernels; nothing was moved.</p></footer>\n',
      closingHtml(),
    ].join('')
  }

  /** The table row of the file whose results are all there. */
  #flush(): string {
    const [file, cells] = [this.#file, this.#cells]
    this.#file = undefined
    this.#cells = []
    if (file === undefined) return ''
    const texts = this.#options.targets.map((_, i) => (cells[i] === undefined ? '<td>' : this.#cell(cells[i])))
    return this.#rows++ < LIMITS.rows ? `<tr><th>${escapeHtml(file)}${texts.join('')}\n` : ''
  }

  #cell(result: CheckResult): string {
    const { verdict, reason, accepted = [] } = result
    const { css, mark } = MARKS[verdict]
    const head = `${verdictHtml(verdict)} ${escapeHtml(reason)}`
    const id = this.#outcome(result, head)
    const star = accepted.length > 0 ? '*' : ''
    const text = this.#isWide ? `${mark} ${verdict}${star}${small(decider(result).replace('KVM_REG_ARM_', ''))}` : `${mark}${star}`
    const tip = this.#isWide ? '' : ` title=${verdict}`
    return id === undefined ? `<td class=${css}><span title="${escapeHtml(reason)}">${text}</span>` : `<td class=${css}><a href=#${id}${tip}>${text}</a>`
  }

  /** The id of the drill-down. Equal results are told apart from others by a digest, so that each is put into words once. */
  #outcome(result: CheckResult, head: string): string | undefined {
    const key = digestOf(result)
    const known = this.#met.get(key)
    if (typeof known === 'string') return this.#outcomes.again(known)
    const missed = known ?? 0
    const shared = { registers: this.#registers, texts: this.#texts, sections: !this.#isWide }
    const id = this.#outcomes.put(outcomeHtml(result, shared), head, missed >= OFTEN)
    if (known !== undefined || this.#met.size < LIMITS.met) this.#met.set(key, id ?? missed + 1)
    return id
  }

  #unreadable({ source, error }: CheckUnreadable): string {
    if (this.#rows++ >= LIMITS.rows) return ''
    const { css, mark } = MARKS.unreadable
    const hint = error.hint === undefined ? '' : small(error.hint)
    return `<tr><th>${escapeHtml(source.file)}<td class=${css} colspan=${this.#options.targets.length}><span>${mark} ${escapeHtml(error.message)}${hint}</span>\n`
  }

  #cut(): string {
    const said = [
      ...(this.#rows > LIMITS.rows ? [`The matrix holds the first ${LIMITS.rows} rows of ${this.#rows}; the sums count all.`] : []),
      ...(this.#outcomes.left > 0
        ? [`${count(this.#outcomes.left, 'result')} of the matrix have details that this page has no room for; psci-snap check FILE --to TARGET shows them.`]
        : []),
      ...(this.#registers.left > 0 ? [`The fields of ${count(this.#registers.left, 'register')} are left out for want of room.`] : []),
    ]
    return said.map(text => `<p class=cut>${escapeHtml(text)}</p>`).join('')
  }
}

/** Of all that an outcome shows, and little else. */
function digestOf({ source: _, vcpus, ...rest }: CheckResult): string {
  const shown = vcpus.map(vcpu => ({ ...vcpu, written: 0, differences: vcpu.differences.filter(row => !row.volatile) }))
  return createHash('sha256')
    .update(JSON.stringify([rest, shown]))
    .digest('base64')
}

/** Outcomes of one verdict, behind a heading of their own where there are many. */
function outcomesOf(verdict: Verdict, outcomes: readonly Pooled[]): string {
  const start = verdictHtml(verdict)
  const mine = outcomes.filter(({ head }) => head.startsWith(start))
  const list = mine
    .map(
      ({ id, head, text, uses }) => `<details><summary>${head} <span class=n>${count(uses, 'result')}</span></summary><div id=${id}>${text}</div></details>\n`,
    )
    .join('')
  const results = mine.reduce((sum, { uses }) => sum + uses, 0)
  if (mine.length === 0 || outcomes.length <= FEW_OUTCOMES) return list
  return `<details class=g><summary>${start} ${count(mine.length, 'outcome')}, ${count(results, 'result')}</summary>${list}</details>\n`
}

const small = (text: string): string => (text === '' ? '' : `<small>${escapeHtml(text)}</small>`)

/** What a cell names besides its verdict: the register or the finding that decides. */
function decider({ verdict, load, findings }: CheckResult): string {
  if (verdict === 'survives') return ''
  if (verdict === 'refused' && load.decidedBy) return load.decidedBy.register ?? load.decidedBy.stage
  const finding = findings.find(({ severity }) => severity === (verdict === 'refused' ? 'error' : 'warning'))
  return finding?.register ?? finding?.code.replaceAll('-', ' ') ?? ''
}

/** Blocks that outcomes refer to. A browser opens the list by itself when a link leads into it. */
function shared(id: string, title: string, pool: Pool): string {
  const blocks = pool.all()
  if (blocks.length === 0) return ''
  return `<section id=${id}><details><summary>${title} <span class=n>${blocks.length}</span></summary><div>${blocks.map(block => `<div class=reg id=${block.id}>${block.text}</div>\n`).join('')}</div></details></section>\n`
}
