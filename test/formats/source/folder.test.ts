import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { bytesFolder } from '../../../src/formats/source/bytes-folder.ts'
import { openFolder } from '../../../src/formats/source/folder.ts'
import { inputExtent, inputSha256 } from '../../../src/formats/source/input-digest.ts'

const top = mkdtempSync(join(tmpdir(), 'psci-folder-'))
afterAll(() => rmSync(top, { recursive: true }))
const root = join(top, 'snapshot')
mkdirSync(join(root, 'vcpu'), { recursive: true })
writeFileSync(join(root, 'state'), 'the state')
writeFileSync(join(root, 'vcpu', 'vcpu0'), 'zero')
writeFileSync(join(top, 'secret'), 'outside')
mkdirSync(join(top, 'snapshot-of-another'))
writeFileSync(join(top, 'snapshot-of-another', 'state'), 'outside')
symlinkSync('../secret', join(root, 'outside'))
symlinkSync(join(top, 'secret'), join(root, 'absolute'))
symlinkSync('../snapshot-of-another', join(root, 'sibling'))
symlinkSync('vcpu/vcpu0', join(root, 'inside'))
symlinkSync('nothing', join(root, 'dangling'))
symlinkSync('loop', join(root, 'loop'))
symlinkSync(root, join(top, 'link'))
execFileSync('mkfifo', [join(root, 'fifo')])

const content = async (path: string, folder = root): Promise<string> => {
  const opened = await openFolder(folder)
  try {
    const source = await opened.open(path)
    return Buffer.from(await source.read(0, source.size)).toString()
  } finally {
    await opened.close()
  }
}

test('names, sorted; those of folders end in a slash', async () => {
  const folder = await openFolder(root)
  expect(await folder.list()).toEqual(['absolute', 'dangling', 'fifo', 'inside', 'loop', 'outside', 'sibling', 'state', 'vcpu/'])
  expect(await folder.list('vcpu')).toEqual(['vcpu0'])
  await folder.close()
})

test('plain files are read, also in folders, through a link inside, and when the folder itself is named by a link', async () => {
  expect(await content('state')).toBe('the state')
  expect(await content('vcpu/vcpu0')).toBe('zero')
  expect(await content('inside')).toBe('zero')
  expect(await content('state', join(top, 'link'))).toBe('the state')
})

test.each(['outside', 'absolute', 'sibling/state'])('a link that leads out is refused by name: %s', async path => {
  await expect(content(path)).rejects.toMatchObject({ code: 'CANNOT_READ', message: expect.stringContaining('leads out'), at: { file: join(root, path) } })
  const folder = await openFolder(root)
  await expect(folder.has(path)).rejects.toMatchObject({ code: 'CANNOT_READ' })
  await folder.close()
})

test.each(['../secret', '/etc/passwd', 'vcpu/../state', './state', '', 'a/b/c/d/e', 'a\0b', 'vcpu//vcpu0', 'vcpu\\vcpu0'])(
  'a path that is none inside: %j',
  async path => {
    await expect(content(path)).rejects.toMatchObject({ code: 'CANNOT_READ' })
  },
)

test.each([
  ['fifo', /not a plain file/],
  ['vcpu', /not a plain file/],
  ['dangling', /no such file/],
  ['loop', /symbolic links/],
  ['nothing', /no such file/],
])('%s is not opened, and not waited for', async (path, message) => {
  await expect(content(path)).rejects.toMatchObject({ code: 'CANNOT_READ', message: expect.stringMatching(message) })
})

test('what is there', async () => {
  const folder = await openFolder(root)
  expect(await Promise.all(['state', 'inside', 'vcpu', 'fifo', 'dangling', 'nothing'].map(path => folder.has(path)))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ])
  await folder.close()
})

test('a file is no folder, and a missing folder is said', async () => {
  await expect(openFolder(join(root, 'state'))).rejects.toMatchObject({ code: 'CANNOT_READ' })
  await expect(openFolder(join(root, 'nothing'))).rejects.toMatchObject({ code: 'CANNOT_READ', message: expect.stringMatching(/no such file/) })
})

test('no more files are open than allowed, and closing gives them back', async () => {
  const folder = await openFolder(root)
  const opened = []
  for (let i = 0; i < 64; i++) opened.push(await folder.open('state'))
  await expect(folder.open('state')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  await opened[0]?.close()
  await opened[0]?.close()
  await folder.open('state')
  await folder.close()
  await expect(opened[1]?.read(0, 1)).rejects.toMatchObject({ code: 'CANNOT_READ' })
})

test('a folder of too many files is refused', async () => {
  const many = join(top, 'many')
  mkdirSync(many)
  for (let i = 0; i <= 16_384; i++) writeFileSync(join(many, `f${i}`), '')
  await expect(openFolder(many)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', message: expect.stringContaining('16385 files') })
})

test('the digest of a folder is that of the list that sha256sum prints', async () => {
  const folder = await openFolder(root)
  const source = { ...(await folder.open('state')), folder }
  const members = ['vcpu/vcpu0', 'state']
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  // What `sha256sum state vcpu/vcpu0` prints.
  const printed = `${sha256('the state')}  state\n${sha256('zero')}  vcpu/vcpu0\n`
  expect(await inputSha256(source, members)).toBe(sha256(printed))
  expect(await inputExtent('given', source, members)).toEqual({ name: 'given', size: 13 })
  expect(await inputExtent('given', source, undefined)).toEqual({ name: join(root, 'state'), size: 9 })
  await folder.close()
})

test('a folder in memory is read as one on a disk', async () => {
  const folder = bytesFolder({ state: Buffer.from('the state'), 'vcpu/vcpu0': Buffer.from('zero') }, root)
  expect(await folder.list()).toEqual(['state', 'vcpu/'])
  expect(await folder.list('vcpu')).toEqual(['vcpu0'])
  expect(await folder.has('vcpu')).toBe(false)
  expect(await folder.has('vcpu/vcpu0')).toBe(true)
  expect(Buffer.from(await (await folder.open('vcpu/vcpu0')).head(9)).toString()).toBe('zero')
  await expect(folder.open('nothing')).rejects.toMatchObject({ code: 'CANNOT_READ' })
  await expect(folder.list('nothing')).rejects.toMatchObject({ code: 'CANNOT_READ' })
})
