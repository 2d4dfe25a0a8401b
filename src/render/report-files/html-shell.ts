// Owns what stands around the results: the head with its policy for browsers, the sums at the top, the differences of the targets, the closing words.
import { createHash } from 'node:crypto'
import type { CheckSummary } from '../../ops/check/check-report.ts'
import type { Verdict } from '../../ops/reports.ts'
import { VERSION } from '../../version.ts'
import { count } from '../table.ts'
import { escapeHtml } from './escape.ts'
import { SCRIPT } from './html-script.ts'
import { STYLE } from './html-style.ts'
import type { TargetDifference } from './streamed-report.ts'

/** How a verdict is told: class of colour, mark, word. */
export const MARKS: Readonly<Record<Verdict | 'unreadable', { readonly css: string; readonly mark: string; readonly means: string }>> = {
  refused: { css: 'r', mark: '✕', means: 'the load fails: the target or the VMM rejects something that was saved' },
  changed: { css: 'c', mark: '≠', means: 'the load works, and the guest can notice that something is different' },
  survives: { css: 's', mark: '✓', means: 'the load works, and the guest can notice nothing' },
  unreadable: { css: 'u', mark: '?', means: 'the file could not be read' },
}
export type Told = keyof typeof MARKS
const TOLD = Object.keys(MARKS) as readonly Told[]

export const verdictHtml = (told: Told): string => `<b class="v ${MARKS[told].css}">${MARKS[told].mark} ${told}</b>`

const sha256 = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Up to and with the opening of `main`. The policy lets nothing be loaded and nothing run but our own style and script, by their digests. */
export function headHtml(title: string, intro: string): string {
  const policy = `default-src 'none'; style-src ${sha256(STYLE)}; script-src ${sha256(SCRIPT)}; base-uri 'none'; form-action 'none'`
  return [
    '<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n',
    `<meta http-equiv=Content-Security-Policy content="${policy}">\n`,
    '<meta name=viewport content="width=device-width,initial-scale=1">\n<meta name=referrer content=no-referrer>\n',
    `<meta name=generator content="psci-snap ${VERSION}">\n<title>${escapeHtml(title)}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<main>\n`,
    `<header><h1>${escapeHtml(title)}</h1>${intro === '' ? '' : `<p>${escapeHtml(intro)}</p>`}</header>\n`,
  ].join('')
}

export const filterHtml = (rows: string): string =>
  `<form class=filter hidden><input type=search placeholder="${rows}, register or reason" aria-label="Filter rows by ${rows}, register or reason">${TOLD.map(
    told => `<label><input type=checkbox checked value=${MARKS[told].css}>${verdictHtml(told)}</label>`,
  ).join('')}<button type=button hidden>Previous</button><button type=button hidden>Next</button><output></output></form>\n`

export const legendHtml = (): string => `<dl>${TOLD.map(told => `<dt>${verdictHtml(told)}<dd>${MARKS[told].means}`).join('')}</dl>`

/** Results of one target by verdict. */
export type Counts = Record<Verdict, number>

/** The sums: over all, by target, and what decides most often. `idOf` finds the drill-down of a reason. */
export function summaryHtml(summary: CheckSummary, byTarget: ReadonlyMap<string, Counts>, idOf: (reason: string) => string | undefined): string {
  const { verdicts, unreadable, results, files, accepted, shard } = summary
  const sums = { ...verdicts, unreadable }
  const tiles = TOLD.filter(told => told !== 'unreadable' || unreadable > 0).map(
    told => `<li class=${MARKS[told].css}><b>${sums[told]}</b>${MARKS[told].mark} ${told}`,
  )
  const said = [
    `${count(files, 'row')} on ${count(summary.targets.length, 'target')}: ${count(results, 'result')}`,
    ...(accepted > 0 ? [`${count(accepted, 'result')} better by the policy`] : []),
    ...(shard ? [`part ${shard.index} of ${shard.of}`] : []),
  ].join(', ')
  const targets = targetTable(byTarget)
  const few = byTarget.size <= 8
  const reasons = reasonsHtml(summary, idOf, few ? 'why' : '"why one"')
  const parts = few
    ? `<div class=two><div><h2>By target</h2>${targets}</div>${reasons}</div>`
    : `${reasons}<details><summary>By target</summary><div>${targets}</div></details>`
  return `<section id=summary><ul class=tiles>${tiles.join('')}</ul><p class=hint>${said}.</p>${parts}</section>\n`
}

function targetTable(byTarget: ReadonlyMap<string, Counts>): string {
  const verdicts = ['survives', 'changed', 'refused'] as const
  const lines = [...byTarget].map(([name, counts]) => {
    const all = verdicts.reduce((sum, verdict) => sum + counts[verdict], 0) || 1
    let x = 0
    const bars = verdicts.map(verdict => {
      const width = (100 * counts[verdict]) / all
      const bar = width === 0 ? '' : `<rect class=${MARKS[verdict].css} x=${x.toFixed(2)} width=${width.toFixed(2)} height=10 />`
      x += width
      return bar
    })
    return `<tr><th>${escapeHtml(name)}${verdicts.map(verdict => `<td>${counts[verdict]}`).join('')}<td class=bar><svg viewBox="0 0 100 10" preserveAspectRatio=none aria-hidden=true>${bars.join('')}</svg>`
  })
  return `<table class=t><thead><tr><th>target${verdicts.map(verdict => `<th>${verdict}`).join('')}<th></thead><tbody>${lines.join('')}</table>`
}

const MOST_REASONS = 5

function reasonsHtml({ reasons }: CheckSummary, idOf: (reason: string) => string | undefined, css: string): string {
  const shown = reasons.filter(({ verdict }) => verdict !== 'survives')
  if (shown.length === 0) return ''
  const rows = shown.slice(0, MOST_REASONS).map(({ reason, verdict, count: n }) => {
    const id = idOf(reason)
    return `<li>${verdictHtml(verdict)}<span class=n>${n}</span><span>${id === undefined ? escapeHtml(reason) : `<a href=#${id}>${escapeHtml(reason)}</a>`}</span>`
  })
  const more = shown.length > MOST_REASONS ? `<p class=hint>${shown.length - MOST_REASONS} more under Outcomes.</p>` : ''
  return `<div><h2>What decides most often</h2><ul class=${css}>${rows.join('')}</ul>${more}</div>`
}

/** What the targets differ in from each other. */
export function targetDifferencesHtml(differences: readonly TargetDifference[]): string {
  if (differences.length === 0) return ''
  const pairs = differences.map(({ from, to, items }) => {
    const topics = [...new Set(items.map(({ topic }) => topic))].map(topic => {
      const texts = items.filter(item => item.topic === topic).map(({ text }) => `<li>${escapeHtml(text)}`)
      return `<h4>${escapeHtml(topic)}</h4><ul>${texts.join('')}</ul>`
    })
    const body = items.length === 0 ? '<p>Nothing that a guest or a VMM notices.</p>' : topics.join('')
    return `<details><summary>${escapeHtml(from)} → ${escapeHtml(to)} <span class=n>${count(items.length, 'difference')}</span></summary><div>${body}</div></details>`
  })
  return `<section id=differences><h2>What the targets differ in</h2>${pairs.join('')}</section>\n`
}

/** The dialog that the script fills, the script, and the end. */
export const closingHtml = (): string =>
  `</main>\n<dialog aria-labelledby=dt><header><h2 id=dt></h2><button type=button>Close</button></header><div></div></dialog>\n<script>${SCRIPT}</script>\n</body>\n</html>\n`
