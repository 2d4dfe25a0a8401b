import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openArchive, openMembers } from '../../../src/formats/archive/read.ts'
import { verifyArchive } from '../../../src/formats/archive/verify.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'
import { anySnapshot, comparable } from '../any-snapshot.ts'
import { archiveOf, readArchive } from './archive-bytes.ts'

const SEED = { seed: 20261123, numRuns: 60 }

test('reading what was written gives the same snapshot', async () => {
  await fc.assert(
    fc.asyncProperty(anySnapshot, async snapshot => {
      expect(await comparable(await readArchive(await archiveOf(snapshot)))).toEqual(await comparable(snapshot))
    }),
    SEED,
  )
})

test('writing what was read gives the same bytes, and verify finds nothing wrong with them', async () => {
  await fc.assert(
    fc.asyncProperty(anySnapshot, async snapshot => {
      const first = await archiveOf(snapshot)
      const second = await archiveOf(await readArchive(first))
      expect(Buffer.compare(first, second)).toBe(0)
      const report = await verifyArchive(bytesSource(second))
      expect(report.findings.filter(finding => finding.severity !== 'info')).toEqual([])
      expect(report.ok).toBe(true)
    }),
    SEED,
  )
})

test('the content digest names the content, not the writer', async () => {
  const [snapshot] = fc.sample(anySnapshot, { seed: 7, numRuns: 1 })
  const digest = async (tool: string): Promise<string> => (await openArchive(bytesSource(await archiveOf(snapshot!, tool)))).contentDigest
  expect(await digest('psci-snap 9.9.9')).toBe(await digest('somebody else'))
})

const tar = spawnSync('tar', ['--version'], { encoding: 'utf8' })
const gnuTar = tar.status === 0 && tar.stdout.includes('GNU tar')
test.skipIf(!gnuTar)('GNU tar lists and extracts every member', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'psnap-'))
  try {
    for (const snapshot of fc.sample(anySnapshot, { seed: 11, numRuns: 5 })) {
      const bytes = await archiveOf(snapshot)
      const file = join(folder, 'a.psnap')
      writeFileSync(file, bytes)
      const names = execFileSync('tar', ['tf', file], { encoding: 'utf8' }).trim().split('\n')
      const archive = await openArchive(bytesSource(bytes))
      expect(names).toEqual([...archive.members.map(row => row.name), 'index.json', 'footer'])
      for (const { name, offset, stored } of archive.members)
        expect(Buffer.compare(execFileSync('tar', ['xOf', file, name]), bytes.subarray(offset, offset + stored))).toBe(0)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('one member takes three reads', async () => {
  const [snapshot] = fc.sample(anySnapshot, { seed: 3, numRuns: 1 })
  const bytes = await archiveOf({ ...snapshot!, vcpus: [] })
  const source = bytesSource(bytes)
  let reads = 0
  const counting = {
    ...source,
    read: (offset: number, length: number) => {
      reads++
      return source.read(offset, length)
    },
  }
  const members = await openMembers(counting)
  await members.read(members.rows.find(row => row.name === 'vm.msgpack')!)
  expect(reads).toBe(3) // footer, index, member
})
