// Snapshots that are folders, damaged: every file cut at every offset (large ones at some), bytes changed, texts mixed. The only outcomes are what
// the whole folder gives, or a SnapError; a cut file says where it ends.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { type Files, outcome } from '../read-folder.ts'
import { coreRegs, makeSnapshot as makeCloudHypervisor } from './cloud-hypervisor/make-snapshot.ts'
import { makeSnapshot as makeCrosvm } from './crosvm/make-snapshot.ts'
import { makeSnapshot as makeStratovirt } from './stratovirt/make-snapshot.ts'

const REGISTERS: readonly (readonly [bigint, bigint])[] = [
  [0x6030_0000_0013_c005n, 0x8000_0000n],
  [0x6030_0000_0014_0000n, 0x10001n],
]
const small = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff)
const gic = { dist: Array.from({ length: 82 }, (_, i) => i), rdist: Array.from({ length: 24 }, (_, i) => i), icc: Array.from({ length: 9 }, () => 0x400) }
const cloud = (layout: 'v28' | 'v29' | 'v39' | 'v53') =>
  makeCloudHypervisor({
    layout,
    vcpus: [{ core: coreRegs(1), system: REGISTERS }],
    gic,
    memory: [{ gpa: 0n, bytes: small }],
    clock: '{"cntvct":1,"host_realtime_ns":2,"cntfrq":3}',
  })
const crosvm = (encoding: 'cbor' | 'json') =>
  makeCrosvm({ encoding, vcpus: [{ mpidr: 0x8000_0000n }], ranges: [{ start: 0, end: 300 }], devices: { 'bus0/rtc': new Map([['load', 1n << 60n]]) } })

const FOLDERS: readonly (readonly [string, Files])[] = [
  ['Cloud Hypervisor v28', cloud('v28')],
  ['Cloud Hypervisor v29', cloud('v29')],
  ['Cloud Hypervisor v39', cloud('v39')],
  ['Cloud Hypervisor v53', cloud('v53')],
  ['crosvm, CBOR', crosvm('cbor')],
  ['crosvm, JSON', crosvm('json')],
  ['StratoVirt', makeStratovirt({ cpus: [{ index: 0, registers: REGISTERS }], gicVcpus: 1, ram: [{ start: 0n, bytes: small }] })],
]

/** Where a file is cut: everywhere when it is short, at some 150 places and near both ends when it is long. */
function* cuts(size: number): Generator<number> {
  const step = Math.max(1, Math.floor(size / 150))
  for (let at = 0; at < size; at += at < 60 || size - at < 60 ? 1 : step) yield at
}

describe.each(FOLDERS)('%s', (_name, files) => {
  test('every file cut', { timeout: 60_000 }, async () => {
    const golden = await outcome(files)
    expect(golden).not.toBeInstanceOf(SnapError)
    for (const [path, bytes] of Object.entries(files))
      for (const length of cuts(bytes.length)) {
        const error = await outcome({ ...files, [path]: bytes.subarray(0, length) })
        expect(error, `${path} cut at ${length}`).toBeInstanceOf(SnapError)
        const { code, at } = error as SnapError
        expect(
          code === 'FORMAT_UNKNOWN' || code === 'FORMAT_FOREIGN' || (at.file !== undefined && (at.offset !== undefined || at.path !== undefined)),
          `${path} cut at ${length}: ${String(error)}`,
        ).toBe(true)
      }
  })

  test('any byte changed', { timeout: 60_000 }, async () => {
    const paths = Object.keys(files)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...paths),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(255),
        fc.nat(3),
        async (path, where, value, more) => {
          const bytes = new Uint8Array(files[path] as Uint8Array)
          if (bytes.length === 0) return
          const at = Math.floor(where * bytes.length)
          for (let i = 0; i <= more; i++) bytes[Math.min(bytes.length - 1, at + i * 7)] = value
          await outcome({ ...files, [path]: bytes })
        },
      ),
      { seed: 31, numRuns: 250 },
    )
  })

  test('files exchanged', async () => {
    const paths = Object.keys(files)
    for (const a of paths) for (const b of paths) await outcome({ ...files, [a]: files[b] as Uint8Array })
  })
})

test('numbers and texts of JSON exchanged for others: a value or a SnapError', async () => {
  const files = cloud('v53')
  const text = Buffer.from(files['state.json'] as Uint8Array).toString()
  const places = [...text.matchAll(/[0-9]+|"[a-z_]+\\?"|\[|\{|true|false|null/g)]
  await fc.assert(
    fc.asyncProperty(
      fc.nat(places.length - 1),
      fc.constantFrom(
        '-1',
        '1e3',
        '0.5',
        '18446744073709551616',
        '9007199254740993',
        '{}',
        '[]',
        '[[[[]]]]',
        'null',
        'true',
        '\\"x\\"',
        '"x"',
        '4294967296',
        '',
      ),
      async (place, other) => {
        const { 0: found, index } = places[place] as RegExpMatchArray & { index: number }
        await outcome({ ...files, 'state.json': Buffer.from(text.slice(0, index) + other + text.slice(index + found.length)) })
      },
    ),
    { seed: 32, numRuns: 1500 },
  )
})

test('a state of 255 vCPUs in the longest form is below every limit', { timeout: 60_000 }, async () => {
  const system = Array.from({ length: 240 }, (_, i): readonly [bigint, bigint] => [0x6030_0000_0013_8000n + BigInt(i), 0xffff_ffff_ffff_ff00n + BigInt(i)])
  const files = makeCloudHypervisor({ layout: 'v29', vcpus: Array.from({ length: 255 }, (_, i) => ({ core: coreRegs(i), system })) })
  const read = (await outcome(files)) as { snapshot: { vcpus: unknown[] } }
  expect(read.snapshot.vcpus).toHaveLength(255)
})
