import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { TEMPORARY_NAME, writeFileAtomically } from '../../../src/formats/output/atomic-file.ts'
import type { Sink } from '../../../src/formats/output/sink.ts'

const root = mkdtempSync(join(tmpdir(), 'psci-output-'))
afterAll(() => rmSync(root, { recursive: true }))
let folder = ''
let count = 0
beforeEach(() => {
  folder = join(root, String(count++))
  mkdirSync(folder)
})
const hello = async (sink: Sink): Promise<number> => {
  await sink.write(Buffer.from('hel'), Buffer.from(''), Buffer.from('lo'))
  await sink.write(Buffer.from('!'))
  return 42
}

test('a file appears whole, private, with nothing beside it', async () => {
  const path = join(folder, 'out')
  expect(await writeFileAtomically(path, {}, hello)).toBe(42)
  expect(readFileSync(path, 'utf8')).toBe('hello!')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['out'])
})

test('while it is written, its name does not exist, and the temporary one says whose it is', async () => {
  const path = join(folder, 'out')
  await writeFileAtomically(path, {}, async sink => {
    await sink.write(Buffer.from('x'))
    expect(existsSync(path)).toBe(false)
    const [temporary] = readdirSync(folder)
    expect(temporary).toMatch(TEMPORARY_NAME)
    expect(statSync(join(folder, temporary!)).mode & 0o777).toBe(0o600)
  })
})

test('nothing is overwritten without force, not even what appears meanwhile', async () => {
  const path = join(folder, 'out')
  writeFileSync(path, 'old')
  let called = false
  const refused = writeFileAtomically(path, {}, async () => {
    called = true
  })
  await expect(refused).rejects.toMatchObject({ code: 'OUTPUT_EXISTS', exitCode: 10 })
  expect(called).toBe(false)
  rmSync(path)
  const raced = writeFileAtomically(path, {}, async sink => {
    await hello(sink)
    writeFileSync(path, 'somebody else')
  })
  await expect(raced).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' })
  expect(readFileSync(path, 'utf8')).toBe('somebody else')
  expect(readdirSync(folder)).toEqual(['out'])
})

test('with force the old file is there until the new one is whole', async () => {
  const path = join(folder, 'out')
  writeFileSync(path, 'old')
  await writeFileAtomically(path, { force: true }, async sink => {
    await hello(sink)
    expect(readFileSync(path, 'utf8')).toBe('old')
  })
  expect(readFileSync(path, 'utf8')).toBe('hello!')
  expect(readdirSync(folder)).toEqual(['out'])
})

test('a link is followed, not replaced; a dangling one is not written through', async () => {
  writeFileSync(join(folder, 'real'), 'old')
  symlinkSync(join(folder, 'real'), join(folder, 'link'))
  await expect(writeFileAtomically(join(folder, 'link'), {}, hello)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' })
  await writeFileAtomically(join(folder, 'link'), { force: true }, hello)
  expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true)
  expect(readFileSync(join(folder, 'real'), 'utf8')).toBe('hello!')
  symlinkSync(join(folder, 'gone'), join(folder, 'dangling'))
  await expect(writeFileAtomically(join(folder, 'dangling'), {}, hello)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' })
  expect(existsSync(join(folder, 'gone'))).toBe(false)
})

test('a failing writer leaves nothing', async () => {
  const failed = writeFileAtomically(join(folder, 'out'), {}, async sink => {
    await hello(sink)
    throw new Error('no more')
  })
  await expect(failed).rejects.toThrow('no more')
  expect(readdirSync(folder)).toEqual([])
})

test('an abort leaves nothing, even when the writer did not notice', async () => {
  const controller = new AbortController()
  const aborted = writeFileAtomically(join(folder, 'out'), { signal: controller.signal }, async sink => {
    await hello(sink)
    controller.abort(new Error('stop'))
  })
  await expect(aborted).rejects.toThrow('stop')
  expect(readdirSync(folder)).toEqual([])
})

test.each([
  ['no such folder', 'nowhere/out', /no such directory/],
  ['a folder', '.', /it is a directory/],
])('%s', async (_name, path, message) => {
  await expect(writeFileAtomically(join(folder, path), { force: true }, hello)).rejects.toMatchObject({
    code: 'CANNOT_WRITE',
    exitCode: 10,
    message: expect.stringMatching(message),
  })
})

test('/dev/null is written to, never replaced', async () => {
  const before = statSync('/dev/null')
  expect(await writeFileAtomically('/dev/null', { force: true }, hello)).toBe(42)
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
  expect(statSync('/dev/null').ino).toBe(before.ino)
})

test('/dev/full says that there is no space', async () => {
  await expect(writeFileAtomically('/dev/full', {}, hello)).rejects.toMatchObject({ code: 'CANNOT_WRITE', message: expect.stringMatching(/no space/) })
})

test('killed at any moment: the name holds nothing or the whole file', { timeout: 60_000 }, async () => {
  const script = join(folder, 'writer.mts')
  const bytes = 48 << 20
  writeFileSync(
    script,
    `import { writeFileAtomically } from ${JSON.stringify(resolve('src/formats/output/atomic-file.ts'))}
const piece = new Uint8Array(1 << 20).fill(7)
await writeFileAtomically(process.argv[2]!, {}, async sink => {
  process.stdout.write('started\\n')
  for (let i = 0; i < ${bytes >> 20}; i++) await sink.write(piece)
})
`,
  )
  const outcomes: string[] = []
  for (const delay of [0, 8, 20, 40]) {
    const path = join(folder, `out-${delay}`)
    const child = spawn(process.execPath, ['--import', 'tsx', script, path], { stdio: ['ignore', 'pipe', 'ignore'] })
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => Promise.reject(new Error('the writer did not start')))])
    await new Promise(done => setTimeout(done, delay))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const there = existsSync(path)
    if (there) expect(statSync(path).size).toBe(bytes)
    outcomes.push(there ? 'whole' : 'nothing')
  }
  expect(outcomes).toContain('nothing') // else nothing was killed in the middle, and the test shows nothing
  for (const name of readdirSync(folder)) expect(name).toMatch(name.startsWith('.') ? TEMPORARY_NAME : /^(writer\.mts|out-\d+)$/)
})
