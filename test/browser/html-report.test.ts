// The page of `check` in a real browser: what a reader sees, by mouse, by keyboard, without script; and that nothing leaves it.
import type { Page } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { htmlReport } from '../../src/render/report-files/html.ts'
import { ROWS, result, TARGETS, unreadable, written } from '../render/report-files/rows.ts'
import { BrowserOfMachine, CHROMIUM } from './open-page.ts'

if (CHROMIUM === undefined) process.stderr.write('test/browser skips: there is no Chromium on this machine (Debian: apt-get install chromium)\n')

const browser = new BrowserOfMachine()
afterAll(() => browser.close())

const html = written(htmlReport({ targets: TARGETS, differences: [{ from: 'A', to: 'B', items: [{ topic: 'PSCI', text: 'SYSTEM_OFF2 appears' }] }] }), ROWS)
const shownRows = (page: Page) => page.locator('.m tbody tr:visible th').allTextContents()

describe.skipIf(CHROMIUM === undefined)('in Chromium', () => {
  test('loads without a complaint, asks for nothing, counts right, and fits 1280 pixels', async () => {
    const { page, complaints, requests } = await browser.open(html)
    expect(await page.locator('.tiles b').allTextContents()).toEqual(['4', '1', '4', '1'])
    const cells = async (css: string) => page.locator(`.m tbody td.${css}:visible`).count()
    expect([await cells('r'), await cells('c'), await cells('s'), await cells('u')]).toEqual([4, 1, 4, 1])
    expect(
      await page.evaluate(
        'document.documentElement.scrollWidth <= innerWidth && document.querySelector(".box").scrollWidth <= document.querySelector(".box").clientWidth',
      ),
    ).toBe(true)
    // The sums stand above the matrix for a reader's eye and for one that follows the document.
    expect(await page.evaluate('[...document.querySelector("main").children].map(one => one.id).slice(0, 3)')).toEqual(['', 'summary', 'matrix'])
    expect(await page.evaluate('new Set([...document.querySelectorAll("[id]")].map(one => one.id)).size === document.querySelectorAll("[id]").length')).toBe(
      true,
    )
    expect([complaints, requests]).toEqual([[], []])
  })

  test('is filtered by text and by verdict', async () => {
    const { page } = await browser.open(html)
    await page.fill('input[type=search]', 'FP16 mixed')
    expect(await shownRows(page)).toEqual(['fleet/mixed.psnap'])
    expect(await page.textContent('output')).toBe('1 of 4 rows')
    await page.fill('input[type=search]', '')
    for (const css of ['s', 'c', 'u']) await page.uncheck(`input[value=${css}]`)
    expect(await shownRows(page)).toEqual(['fleet/mixed.psnap', 'fleet/bad.psnap'])
    await page.uncheck('input[value=r]')
    expect(await shownRows(page)).toEqual([])
  })

  test('a cell opens by keyboard: the reason, what to do for this target, a register with its fields; Escape leads back', async () => {
    const { page, complaints } = await browser.open(html)
    await page.locator('.m tbody td a').first().focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    const dialog = page.locator('dialog[open]')
    expect(await dialog.locator('h2').textContent()).toBe(`fleet/mixed.psnap → ${TARGETS[0]}`)
    expect(await dialog.locator('p').first().textContent()).toContain('PSCI 1.3 is not known there')
    expect(await dialog.locator('pre').textContent()).toBe(`psci-snap migrate FILE --to ${TARGETS[0]} -o OUT`)
    await dialog.locator('a').first().focus()
    await page.keyboard.press('Enter')
    expect(await dialog.locator('.here td').allTextContents()).toEqual(['0x10003', '0x10001', '3', '1'])
    await page.keyboard.press('Enter')
    expect(await dialog.locator('.here').count()).toBe(0)
    await page.keyboard.press('Escape')
    expect(await dialog.count()).toBe(0)
    expect(await page.evaluate('document.activeElement.closest("tr").cells[0].textContent')).toBe('fleet/mixed.psnap')
    expect(complaints).toEqual([])
  })

  test('an outcome opens by keyboard where it stands', async () => {
    const { page } = await browser.open(html)
    const outcome = page.locator('#outcomes details').first()
    await outcome.locator('summary').focus()
    await page.keyboard.press('Enter')
    expect(await outcome.locator('h4').allTextContents()).toEqual(['For the guest', 'What to do', 'Refused registers'])
    expect(await outcome.locator('h4').first().isVisible()).toBe(true)
  })

  test('without script all content is there, and a link into what is closed opens it', async () => {
    const { page, complaints } = await browser.open(html, { javaScriptEnabled: false })
    expect(await shownRows(page)).toHaveLength(4)
    await page.locator('.m tbody td.r a').first().click()
    const text = page.getByText('the target does not know PSCI 1.3').first()
    expect(await text.isVisible()).toBe(true)
    await page.locator('#outcomes a[href="#r0"]:visible').first().click()
    expect(await page.locator('#r0 table').isVisible()).toBe(true)
    expect(complaints).toEqual([])
  })

  test('a hostile name, reason or command is text and nothing else', async () => {
    const attack = '</script></style></table><img src=x onerror="document.title=1"><svg onload=alert(1)>\u202e"\'&amp;'
    const rows = [
      result(attack, TARGETS[0], 'refused', { reason: attack, advice: [{ code: attack, message: attack, command: attack }] }),
      unreadable(`${attack}2`),
    ]
    const { page, complaints, requests } = await browser.open(written(htmlReport({ targets: TARGETS, title: attack }), rows))
    await page.locator('.m td a').first().click()
    expect(await page.locator('dialog pre').textContent()).toBe(attack.replace('\u202e', '\\u202e'))
    expect(await page.locator('img, svg[onload]').count()).toBe(0)
    expect([complaints, requests]).toEqual([[], []])
  })

  test('thousands of rows come in pages of 500; a matrix of many hosts has sections in one place that the dialog puts together', async () => {
    const targets = Array.from({ length: 8 }, (_, i) => `linux-9.${i}/cpu`)
    const names = Array.from({ length: 700 }, (_, i) => `host-${i}`)
    const long = { advice: [{ code: 'migrate', message: `${'rewrite '.repeat(30)}the file` }] }
    const rows = names.map((name, i) => result(name, targets[i % 8]!, 'refused', long))
    const { page } = await browser.open(written(htmlReport({ targets, rows: 'host' }), rows, targets))
    expect((await shownRows(page)).length).toBe(500)
    expect(await page.textContent('output')).toBe('1–500 of 700 rows')
    await page.click('button:has-text("Next")')
    expect((await shownRows(page))[0]).toBe('host-500')
    await page.locator('.m tr:visible td.r a').first().click()
    expect((await page.locator('dialog li').allTextContents()).join()).toContain('rewrite rewrite')
    expect(await page.locator('dialog .more').count()).toBe(0)
  })
})
