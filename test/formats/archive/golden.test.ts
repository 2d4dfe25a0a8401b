// Every released schema version has an archive here that must load for ever, and its file in src/formats/schema is pinned by its digest.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { openArchive } from '../../../src/formats/archive/read.ts'
import { verifyArchive } from '../../../src/formats/archive/verify.ts'
import { SCHEMA_VERSION } from '../../../src/formats/schema/history.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'
import { type RegisterList, registerEntries } from '../../../src/model/register-list.ts'
import { comparable } from '../any-snapshot.ts'
import { archiveOf, readArchive } from './archive-bytes.ts'

const DATA = 'test/data'
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Released schema versions. A digest here changes only for a version that nobody has a file of yet. */
const FROZEN: Readonly<Record<string, string>> = {
  'v1.ts': '4087ad3c941e4fb944677b8118019f9a185d298879db29fc828b1899a03f0781',
}

test('released schema versions are frozen', () => {
  const digests = Object.keys(FROZEN).map(name => [name, sha256(readFileSync(`src/formats/schema/${name}`))])
  expect(Object.fromEntries(digests), 'a released schema version never changes: write the next one, with a step from this one').toEqual(FROZEN)
})

test('every version of the schema is pinned and has a golden archive', () => {
  const versions = readdirSync('src/formats/schema').filter(name => /^v\d+\.ts$/.test(name))
  expect(versions.sort()).toEqual(Object.keys(FROZEN).sort())
  expect(versions.length).toBe(SCHEMA_VERSION)
  expect(readdirSync(DATA).filter(name => name.startsWith('archive-v')).length).toBe(SCHEMA_VERSION)
})

const show = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`
  if (value instanceof Uint8Array) return `hex ${Buffer.from(value).toString('hex')}`
  if (typeof value === 'object' && value !== null && 'offsets' in value)
    return [...registerEntries(value as RegisterList)].map(([id, bytes]) => `0x${id.toString(16)} ${Buffer.from(bytes).toString('hex')}`)
  return value
}

describe.each(readdirSync(DATA).filter(name => name.startsWith('archive-v')))('%s', folder => {
  const bytes = new Uint8Array(readFileSync(`${DATA}/${folder}/input.psnap`))

  test('is the file that its provenance names', () => {
    expect(readFileSync(`${DATA}/${folder}/PROVENANCE.md`, 'utf8')).toContain(sha256(bytes))
  })

  test('loads, and holds what it held', async () => {
    const archive = await openArchive(bytesSource(bytes, 'input.psnap'))
    const { snapshot, findings } = await archive.readSnapshot()
    const value = (await comparable(snapshot)) as { memory: { content: string }[] }
    const memory = value.memory.map(({ content, ...region }) => ({ ...region, sha256: sha256(Buffer.from(content, 'base64')) }))
    const golden = { manifest: archive.manifest, contentDigest: archive.contentDigest, snapshot: { ...value, memory }, findings }
    await expect(`${JSON.stringify(golden, show, 1)}\n`).toMatchFileSnapshot(`../../../${DATA}/${folder}/expected.json`)
  })

  test('verifies', async () => {
    expect((await verifyArchive(bytesSource(bytes))).ok).toBe(true)
  })

  test.runIf(folder === `archive-v${SCHEMA_VERSION}`)('is written again with the same content', async () => {
    const again = await openArchive(bytesSource(await archiveOf(await readArchive(bytes))))
    expect(again.contentDigest).toBe((await openArchive(bytesSource(bytes))).contentDigest)
  })
})
