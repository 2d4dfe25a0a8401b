// The page as text: its policy, what it shares, what it says when it is full. What a browser makes of it is test/browser.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { htmlReport } from '../../../src/render/report-files/html.ts'
import { ROWS, result, TARGETS, unreadable, written } from './rows.ts'

const page = (rows = ROWS, options = {}) => written(htmlReport({ targets: TARGETS, ...options }), rows)
const occurrences = (text: string, what: string): number => text.split(what).length - 1

test('the policy lets nothing run or load but the style and the script that are there', () => {
  const html = page()
  const policy = /Content-Security-Policy content="([^"]*)"/.exec(html)![1]!
  const digest = (tag: string) =>
    `'sha256-${createHash('sha256')
      .update(new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)![1]!)
      .digest('base64')}'`
  expect(policy.split('; ')).toEqual([
    "default-src 'none'",
    `style-src ${digest('style')}`,
    `script-src ${digest('script')}`,
    "base-uri 'none'",
    "form-action 'none'",
  ])
  expect(html).not.toMatch(/\s(src|style|on[a-z]+)=|href=(?!"?#)|@import|url\(/)
})

test('rows of a file are one row; equal results are one outcome', () => {
  const html = page()
  expect(occurrences(html.slice(html.indexOf('<tbody>'), html.indexOf('</table>')), '<tr>')).toBe(4)
  expect([...html.matchAll(/<div id=o\d+>/g)]).toHaveLength(3)
  expect(html).toContain('PSCI 1.3 is not known there <span class=n>4 results</span>')
})

test('what is peculiar to a file makes no outcome of its own: running counters, numbers of writes, its digest', () => {
  const other = result('b', TARGETS[0], 'refused')
  const volatile = { id: '0x603000000013df1a', name: 'KVM_REG_ARM_TIMER_CNT', written: '0x1', readBack: '0x77', volatile: true, visible: false } as const
  const [vcpu] = other.vcpus
  const rows = [result('a', TARGETS[0], 'refused'), { ...other, vcpus: [{ ...vcpu!, written: 7, differences: [...vcpu!.differences, volatile] }] }]
  expect([...page(rows).matchAll(/<div id=o\d+>/g)]).toHaveLength(1)
})

test('fields of a refused register are named, with both values', () => {
  expect(page([result('a', TARGETS[0], 'refused')])).toContain('<tr><th>MINOR [15:0]<td>3<td>1')
})

test('a hostile text stays text', () => {
  const attack = '"><img src=x onerror=alert(1)><script>alert(2)</script><!--\u202e\u0000'
  const html = page(
    [result(attack, TARGETS[0], 'refused', { reason: attack, advice: [{ code: 'x', message: attack, command: attack }] }), unreadable(attack)],
    {
      title: attack,
      differences: [{ from: attack, to: attack, items: [{ topic: attack, text: attack }] }],
    },
  )
  expect(html).not.toContain('<img')
  expect(occurrences(html, '<script>')).toBe(1)
  expect([html.includes('\u202e'), html.includes('\u0000')]).toEqual([false, false])
  expect(html).toContain('&quot;&gt;&lt;img src=x onerror=alert(1)&gt;')
})

test('a policy’s acceptance is marked and explained', () => {
  const accepted = [{ code: 'register-changed', register: 'ID_AA64PFR0_EL1', reason: 'no guest uses FP16', until: '2027-06-30' }]
  const html = page([result('a', TARGETS[0], 'survives', { accepted, verdictWithoutPolicy: 'changed' })])
  expect(html).toContain('✓ survives*')
  expect(html).toContain('register-changed ID_AA64PFR0_EL1, until 2027-06-30: no guest uses FP16')
})

test('thousands of files are written in pieces, and a page that is full says what it leaves out', () => {
  const report = htmlReport({ targets: TARGETS })
  let length = report.start().length
  let longest = 0
  const rows = Array.from({ length: 1700 }, (_, i) =>
    TARGETS.map(target => result(`fleet/guest-${i}.psnap`, target, 'refused', { reason: i < 1600 ? `its own reason ${i}` : 'as many' })),
  )
  for (const row of rows.flat()) {
    const text = report.row(row)
    length += text.length
    longest = Math.max(longest, text.length)
  }
  const end = report.end({
    files: 1700,
    targets: TARGETS,
    results: 5100,
    verdicts: { survives: 0, changed: 0, refused: 5100 },
    unreadable: 0,
    reasons: [],
    accepted: 0,
  })
  expect(longest).toBeLessThan(1000)
  expect(length + end.length).toBeLessThan(8 << 20)
  // The 100 last reasons of their own on three targets; the common one found room once it had been met ten times on each of them.
  expect(end).toContain(`${100 * 3 + 10 * 3} results of the matrix have details that this page has no room for`)
  expect(end).toContain('as many <span class=n>270 results</span>')
})
