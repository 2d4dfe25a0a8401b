// `npm run docs`: writes every page that is made from data. With --check it writes nothing and fails when a page is out of date.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { PAGES, SLOW_PAGES } from './pages.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const check = process.argv.includes('--check')

let stale = 0
for (const [path, make] of Object.entries({ ...PAGES, ...SLOW_PAGES })) {
  const text = await make()
  const present = await readFile(root + path, 'utf8').catch(() => undefined)
  if (present === text) continue
  stale++
  if (check) process.stdout.write(`${path} is out of date: run \`npm run docs\`\n`)
  else {
    await writeFile(root + path, text)
    process.stdout.write(`${path} written\n`)
  }
}
if (stale === 0) process.stdout.write('all pages are current\n')
if (check && stale > 0) process.exitCode = 1
