// Damaged and hostile files: what comes of them is the right snapshot or an error that says where, soon, whatever was done to them.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mutateVmstate, readForFuzz } from '../../../../scripts/fuzz/firecracker.ts'
import { SnapError } from '../../../../src/errors.ts'
import { encodeBincode } from '../../../../src/formats/importers/firecracker/bincode.ts'
import { encodeBitcode } from '../../../../src/formats/importers/firecracker/bitcode.ts'
import { firecrackerVmstate } from '../../../../src/formats/importers/firecracker/importer.ts'
import { layoutShape } from '../../../../src/formats/importers/firecracker/layouts.ts'
import { FIRECRACKER_LIMITS } from '../../../../src/formats/importers/firecracker/limits.ts'
import { RELEASES, type Release } from '../../../../src/formats/importers/firecracker/releases.ts'
import { readVmstate } from '../../../../src/formats/importers/firecracker/vmstate.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { fixCrc, headOf, makeVmstate, someRegisters, stateOf, withCrc } from './make-vmstate.ts'
import { readVmstateSample, vmstateNames } from './samples.ts'

/** The error's code; an error that is not ours, or says neither file nor place, fails the test. */
function errorOf(bytes: Uint8Array): string {
  try {
    readVmstate(bytes, 'bad.vmstate')
    return 'none'
  } catch (error) {
    if (!(error instanceof SnapError)) throw error
    expect(error.at).toMatchObject({ file: 'bad.vmstate', offset: expect.any(Number) })
    expect(error.at.offset).toBeLessThanOrEqual(bytes.length)
    return error.code
  }
}

const byEncoding = (['versionize', 'bincode', 'bitcode'] as const).map(encoding => [encoding, RELEASES.findLast(each => each.encoding === encoding)!] as const)
const files: readonly (readonly [string, Uint8Array])[] = [
  ...byEncoding.map(([encoding, release]) => [`a file in ${encoding}`, makeVmstate(release)] as const),
  ...vmstateNames.filter(name => /v1\.0|v1\.13|main/.test(name)).map(name => [name, readVmstateSample(name)] as const),
]

describe.each(files)('%s', (_name, bytes) => {
  // Every offset of the small files; of the samples, of which most is values, one in eleven.
  const step = bytes.length > 6000 ? 11 : 1

  test('cut short anywhere is an error', () => {
    for (let length = 0; length < bytes.length; length += step) expect(errorOf(bytes.subarray(0, length)), `${length} bytes`).toMatch(/INPUT_CORRUPT|FORMAT_/)
  })

  test('cut short anywhere, with a checksum that is right, is an error or ends among the devices', () => {
    const whole = readVmstate(bytes, 'good')
    for (let length = 0; length < bytes.length - 8; length += step) {
      const content = withCrc(bytes.subarray(0, length))
      const code = errorOf(content)
      if (code === 'none') expect(length).toBeGreaterThanOrEqual(whole.devicesOffset)
      else expect(length).toBeLessThan(whole.devicesOffset)
    }
  })

  test('any flipped bit is found', () => {
    const copy = bytes.slice()
    for (let at = 0; at < bytes.length; at += step)
      for (let bit = 0; bit < 8; bit++) {
        copy[at]! ^= 1 << bit
        expect(errorOf(copy), `byte ${at} bit ${bit}`).not.toBe('none')
        copy[at]! ^= 1 << bit
      }
  })

  test('a byte appended is an error', () => {
    // Zeros behind a file are not seen by a checksum that starts at 0; Firecracker takes such a file too.
    for (let byte = 1; byte < 256; byte++) expect(errorOf(Buffer.concat([bytes, Uint8Array.of(byte)]))).toBe('INPUT_CORRUPT')
  })
})

test('whatever is changed, with a checksum that is right, gives a snapshot or an error that names its place', async () => {
  const seeds = files.map(([, bytes]) => bytes)
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...seeds), fc.integer(), async (seed, random) => {
      const bad = mutateVmstate(seed, random)
      const outcome = await readForFuzz(bad).catch((error: unknown) => error)
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(SnapError)
    }),
    { seed: 21, numRuns: 1500 },
  )
})

/** A file whose state was changed after the fact, behind the type's back. */
function forged(release: Release, change: (state: ReturnType<typeof stateOf>) => unknown): Uint8Array {
  const shape = layoutShape(release.traits)
  const state = change(stateOf(release, { vcpus: [someRegisters(0)] })) as ReturnType<typeof stateOf>
  return withCrc(Buffer.concat([headOf(release), release.encoding === 'bitcode' ? encodeBitcode(shape, state) : encodeBincode(shape, state)]))
}

test.each(byEncoding.filter(([, release]) => release.traits.allocator))('a tree deeper than any balanced one is refused in %s', (_encoding, release) => {
  let root: unknown
  // The encoder that forges it recurses too, five calls a level: a thousand levels overflowed the stack on some machines.
  for (let depth = 0; depth < FIRECRACKER_LIMITS.depth + 8; depth++)
    root = { key: { start: 0n, end: 1n }, state: 'Free', left: root, right: undefined, height: 0n }
  const bytes = forged(release, state => {
    const allocators = state.vm.resourceAllocator as Record<string, { addressSpace: unknown }>
    return { ...state, vm: { ...state.vm, resourceAllocator: { ...allocators, mmio32: { ...allocators.mmio32!, root } } } }
  })
  expect(errorOf(bytes)).toMatch(/LIMIT_EXCEEDED|INPUT_CORRUPT/)
})

test('millions of values in few bytes are refused before they are made', () => {
  // Eight booleans to a byte: two million plugged slots are 256 KB, and would be objects of many megabytes each.
  const release = RELEASES.find(({ version }) => version === '10.0.0')!
  const plugged = Array.from({ length: 2_000_000 }, () => true)
  const bytes = forged(release, state => ({ ...state, vm: { ...state.vm, memory: [{ ...state.vm.memory![0]!, plugged }] } }))
  expect(bytes.length).toBeLessThan(300_000)
  const before = process.memoryUsage().arrayBuffers
  expect(errorOf(bytes)).toBe('LIMIT_EXCEEDED')
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20)
})

test('a file of more than Firecracker would load is refused before it is read', async () => {
  const source = { ...bytesSource(makeVmstate(RELEASES[0]!), 'large.vmstate'), size: FIRECRACKER_LIMITS.vmstateBytes + 1 }
  await expect(firecrackerVmstate.read(source)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', at: { file: 'large.vmstate' } })
})

test('memory regions beyond any machine are refused', async () => {
  const release = RELEASES.find(({ version }) => version === '6.0.0')!
  const read = (memory: { baseAddress: bigint; size: bigint }[]) =>
    firecrackerVmstate.read(bytesSource(makeVmstate(release, { vcpus: [someRegisters(0)], memory }), 'x'))
  await expect(read([{ baseAddress: 0n, size: 1n << 50n }])).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
  await expect(read([{ baseAddress: (1n << 64n) - 4096n, size: 8192n }])).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
  await expect(read(Array.from({ length: 2000 }, () => ({ baseAddress: 0n, size: 4096n })))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
})

test('more vCPUs than any machine has are refused', () => {
  const release = RELEASES.find(({ version }) => version === '6.0.0')!
  expect(errorOf(makeVmstate(release, { vcpus: Array.from({ length: 5000 }, () => []), gic: { dist: [], vcpus: [] } }))).toBe('LIMIT_EXCEEDED')
})

test('a version of a thousand characters is refused', () => {
  const bytes = makeVmstate(RELEASES.find(({ encoding }) => encoding === 'bincode')!)
  new DataView(bytes.buffer).setBigUint64(8, 1000n, true)
  expect(errorOf(fixCrc(bytes))).toBe('LIMIT_EXCEEDED')
  new DataView(bytes.buffer).setBigUint64(8, 1n << 63n, true)
  expect(errorOf(fixCrc(bytes))).toBe('INPUT_CORRUPT')
})
