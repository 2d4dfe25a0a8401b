// Opens a page in the Chromium that the machine has, with everything it does recorded. Nothing is downloaded: without one the tests skip.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'

export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Opened {
  readonly page: Page
  /** Console errors and warnings, violations of the page's policy, uncaught exceptions. */
  readonly complaints: readonly string[]
  /** Addresses asked for, but the page's own. */
  readonly requests: readonly string[]
}

export class BrowserOfMachine {
  readonly #folder = mkdtempSync(join(tmpdir(), 'psci-snap-page-'))
  #browser: Browser | undefined
  #pages = 0

  /** A new page in a context of its own, at 1280 × 900. */
  async open(html: string, options: { readonly javaScriptEnabled?: boolean; readonly colorScheme?: 'light' | 'dark' } = {}): Promise<Opened> {
    this.#browser ??= await chromium.launch({ executablePath: CHROMIUM!, headless: true, args: QUIET })
    const file = join(this.#folder, `${this.#pages++}.html`)
    writeFileSync(file, html)
    const address = pathToFileURL(file).href
    const page = await this.#browser.newPage({ viewport: { width: 1280, height: 900 }, ...options })
    const complaints: string[] = []
    const requests: string[] = []
    page.on('console', message => void (['error', 'warning'].includes(message.type()) && complaints.push(message.text())))
    page.on('pageerror', error => void complaints.push(error.message))
    page.on('request', request => void (request.url().split('#')[0] !== address && requests.push(request.url())))
    await page.goto(address)
    return { page, complaints, requests }
  }

  async close(): Promise<void> {
    await this.#browser?.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
