// Which files a call is about: what a folder, a pattern and a name mean, in which order, and that each shard of them is a part.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { listInputs } from '../../../src/ops/fleet/inputs.ts'
import { inShard, parseShard } from '../../../src/ops/fleet/shard.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-inputs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

for (const path of ['a/1.json', 'a/2.json', 'a/.hidden.json', 'b/deep/er/3.json', 'b/4.psnap', 'b/.4.psnap.psci-snap-0123456789ab.tmp', '[x].json', 'x.json']) {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), '{}')
}
for (const vm of ['crosvm', 'fleet/crosvm']) {
  mkdirSync(join(folder, vm, 'vcpu'), { recursive: true })
  writeFileSync(join(folder, vm, 'mem_metadata'), '{"regions":[],"data_file_compressed":false}')
  writeFileSync(join(folder, vm, 'vcpu/vcpu0'), '{}')
}
writeFileSync(join(folder, 'fleet/x.json'), '{}')
symlinkSync('../a', join(folder, 'b/again')) // a folder, which could lead in a circle
symlinkSync('../a/1.json', join(folder, 'b/one'))
symlinkSync('nowhere', join(folder, 'b/dangling'))

async function inputs(...words: string[]): Promise<string[]> {
  const found: string[] = []
  for await (const { path, named, error } of listInputs(words.map(word => join(folder, word))))
    found.push(`${path.slice(folder.length + 1)}${named ? '' : ' (found)'}${error ? ` ${error.code}` : ''}`)
  return found
}

describe('words mean', () => {
  const cases: readonly (readonly [what: string, words: readonly string[], expected: readonly string[]])[] = [
    ['a file itself, twice when it is said twice', ['x.json', 'x.json'], ['x.json', 'x.json']],
    ['what is not there, to be said by who opens it', ['nowhere'], ['nowhere']],
    [
      'everything below a folder, in the order of names; no folder links, nothing half-written',
      ['b'],
      ['b/4.psnap (found)', 'b/deep/er/3.json (found)', 'b/one (found)'],
    ],
    ['hidden files of a folder too', ['a'], ['a/.hidden.json (found)', 'a/1.json (found)', 'a/2.json (found)']],
    ['a pattern, without hidden files', ['a/*.json'], ['a/1.json', 'a/2.json']],
    ['a pattern that starts with a dot, hidden files only', ['a/.*'], ['a/.hidden.json']],
    ['a pattern over folders', ['*/[!1].*'], ['a/2.json', 'b/4.psnap', 'fleet/x.json']],
    ['any depth with **, zero too', ['b/**/*.psnap', 'b/**/?.json'], ['b/4.psnap', 'b/deep/er/3.json']],
    ['a folder that a pattern finds is walked', ['b/de*'], ['b/deep/er/3.json (found)']],
    ['a folder that is a snapshot is one', ['crosvm', 'fleet'], ['crosvm', 'fleet/crosvm (found)', 'fleet/x.json (found)']],
    ['a file whose name looks like a pattern, before the pattern', ['[x].json'], ['[x].json']],
    ['a pattern that nothing matches is an error', ['*.nope'], ['*.nope CANNOT_READ']],
    ['letters of a pattern have a case', ['X*'], ['X* CANNOT_READ']],
  ]
  test.each(cases)('%s', async (_, words, expected) => {
    expect(await inputs(...words)).toEqual(expected)
  })
  test('a pattern takes no longer for being hostile', async () => {
    writeFileSync(join(folder, 'a', 'a'.repeat(200)), '')
    expect(await inputs(`a/${'a*'.repeat(60)}b`)).toHaveLength(1)
    rmSync(join(folder, 'a', 'a'.repeat(200)))
  })
  test('a stop is obeyed between files', async () => {
    const stop = new AbortController()
    const walk = listInputs([join(folder, 'a'), join(folder, 'b')], stop.signal)
    await walk.next()
    stop.abort()
    await expect(async () => {
      for await (const _ of walk);
    }).rejects.toThrow(/abort/i)
  })
})

describe('shards', () => {
  test('every path is in exactly one, whatever the number', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (paths, of) => {
        for (const path of paths) expect(Array.from({ length: of }, (_, i) => inShard(path, { index: i + 1, of })).filter(Boolean)).toHaveLength(1)
      }),
      { seed: 4, numRuns: 100 },
    )
  })
  test('are of about the same size', () => {
    const sizes = Array.from(
      { length: 8 },
      (_, i) => Array.from({ length: 8000 }, (_, n) => `fleet/host-${n % 16}/vm-${n}.psnap`).filter(path => inShard(path, { index: i + 1, of: 8 })).length,
    )
    for (const size of sizes) expect(Math.abs(size - 1000)).toBeLessThan(150)
  })
  test('do not depend on what else there is, nor on how the path is spelt', () => {
    for (let n = 0; n < 50; n++) {
      const shard = { index: 2, of: 3 }
      expect(inShard(`./a//b/./${n}`, shard)).toBe(inShard(`a/b/${n}`, shard))
    }
  })
  test.each(['', '0/2', '3/2', '1', '1/0', '-1/2', '1/2/3', 'a/b', '1/1000000', '0x1/2'])('"%s" is none', text => {
    expect(() => parseShard(text)).toThrow(/is no shard/)
  })
  test('a shard is written i/n', () => {
    expect(parseShard('2/8')).toEqual({ index: 2, of: 8 })
  })
})
