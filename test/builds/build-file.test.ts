// Standalone build files: round trip, and strangers' files, which give the same build, another valid one, or BUILD_INVALID; never a crash.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeBuildFile, MOST_BUILD_FILE, parseBuildFile } from '../../src/builds/build-file.ts'
import { listBuilds, loadBuild } from '../../src/builds/load.ts'
import { Vm } from '../../src/emulator/kvm/vm.ts'
import { SnapError } from '../../src/errors.ts'

test('every built-in build survives being written and read', async () => {
  for (const { name } of listBuilds()) {
    const build = loadBuild(name)
    expect(await parseBuildFile(encodeBuildFile(build), 'x.json')).toEqual(build)
  }
})

const text = encodeBuildFile(loadBuild('linux-7.3/max'))
const outcome = async (damaged: string): Promise<string> => {
  try {
    const build = await parseBuildFile(damaged, 'x.json')
    // What passes the check must be usable: a VM can be made of it and lists registers.
    const vcpu = new Vm(build).createVcpu(0)
    const errno = vcpu.init(4)
    return errno ? `errno ${errno}` : `lists ${vcpu.regList().n > 0}`
  } catch (failure) {
    if (failure instanceof SnapError) return failure.code
    throw failure
  }
}

test('a file cut off anywhere is BUILD_INVALID', async () => {
  for (let cut = 0; cut < text.length; cut += 97) expect(await outcome(text.slice(0, cut))).toBe('BUILD_INVALID')
})

test('a file with any one member removed or replaced never crashes', async () => {
  const raw = JSON.parse(text)
  const paths: string[][] = []
  const walk = (value: unknown, path: string[]): void => {
    if (path.length > 0) paths.push(path)
    if (typeof value !== 'object' || value === null || path.length > 3) return
    for (const [key, member] of Object.entries(value).slice(0, 12)) walk(member, [...path, key])
  }
  walk(raw, [])
  const junk = fc.constantFrom<unknown>(null, -1, 1e300, 'zz', [], {}, 'x'.repeat(500), 'c020 0 rw - c03b.70>=1', '__proto__')
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.option(junk, { nil: undefined }), async (path, value) => {
      const copy = structuredClone(raw)
      let at = copy
      for (const key of path.slice(0, -1)) at = at[key]
      if (value === undefined) delete at[path.at(-1)!]
      else at[path.at(-1)!] = value
      expect(await outcome(JSON.stringify(copy))).toMatch(/^(BUILD_INVALID|BUILD_UNUSABLE|errno \d+|lists true)$/)
    }),
    { numRuns: 400, seed: 1 },
  )
})

test('a file says where it is wrong', async () => {
  const raw = JSON.parse(text)
  raw.kernel.idRegisters.policy = 'lenient'
  await expect(parseBuildFile(JSON.stringify(raw), 'mine.json')).rejects.toMatchObject({
    code: 'BUILD_INVALID',
    at: { file: 'mine.json', path: 'kernel.idRegisters.policy' },
  })
})

test('an absurdly long file is refused before it is parsed', async () => {
  await expect(parseBuildFile(' '.repeat(MOST_BUILD_FILE + 1), 'x.json')).rejects.toMatchObject({ code: 'BUILD_INVALID' })
})
