// Ten real incidents, rebuilt and checked: the report names the cause in its first three lines. The whole reports are golden files; read their diff as prose.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadBuild } from '../../src/builds/load.ts'
import { checkFile } from '../../src/ops/check/check-file.ts'
import { renderCheckResult } from '../../src/render/check-result.ts'
import { PLAIN_STYLE } from '../../src/render/page.ts'
import { INCIDENTS, type Incident } from './incidents.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'psci-snap-incidents-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function reportOf({ name, files, memory, to, vmm, features, rawOrder }: Incident): Promise<string> {
  const home = join(folder, name)
  await mkdir(home)
  const made = await files()
  for (const [file, bytes] of Object.entries(made)) await writeFile(join(home, file), bytes)
  const [first = ''] = Object.keys(made)
  const [result] = await checkFile('state.json' in made ? home : join(home, first), [loadBuild(to)], {
    vmm,
    ...(memory ? { memoryFiles: memory.map(file => join(home, file)) } : {}),
    ...(features ? { features } : {}),
    ...(rawOrder ? { rawOrder } : {}),
  })
  return renderCheckResult(result!, { columns: 100, style: PLAIN_STYLE }, false).replaceAll(`${home}/`, '').replaceAll(home, name)
}

test.each(INCIDENTS)('$name', async incident => {
  const report = await reportOf(incident)
  const head = report.split('\n').slice(0, 3).join('\n')
  for (const cause of incident.cause) expect(head.replace(/\s+/g, ' '), incident.what).toMatch(cause)
  await expect(`${incident.report}\n${incident.what}\n\n${report}\n`).toMatchFileSnapshot(`golden/${incident.name}.txt`)
})
