// Folders as input of every operation: named themselves, or by the file in them that says what they are.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { convert } from '../../src/ops/convert.ts'
import { inspect } from '../../src/ops/inspect.ts'
import { restore } from '../../src/ops/restore.ts'
import { verify } from '../../src/ops/verify.ts'
import { coreRegs, makeSnapshot as makeCloudHypervisor } from '../formats/importers/cloud-hypervisor/make-snapshot.ts'
import { makeSnapshot as makeCrosvm } from '../formats/importers/crosvm/make-snapshot.ts'
import { makeSnapshot as makeStratovirt } from '../formats/importers/stratovirt/make-snapshot.ts'

const top = mkdtempSync(join(tmpdir(), 'psci-folder-input-'))
afterAll(() => rmSync(top, { recursive: true }))
function store(name: string, files: Readonly<Record<string, Uint8Array>>): string {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(top, name, path)), { recursive: true })
    writeFileSync(join(top, name, path), bytes)
  }
  return join(top, name)
}

const PSCI = 0x6030_0000_0014_0000n
const memory = Uint8Array.from({ length: 12_288 }, (_, i) => i & 0xff)
const SNAPSHOTS: readonly (readonly [string, string, string])[] = [
  [
    'cloud-hypervisor',
    'state.json',
    store(
      'ch',
      makeCloudHypervisor({ layout: 'v53', vcpus: [{ core: coreRegs(1), system: [[PSCI, 0x10001n]] }], memory: [{ gpa: 0x4000_0000n, bytes: memory }] }),
    ),
  ],
  [
    'crosvm',
    'mem_metadata',
    store(
      'crosvm',
      makeCrosvm({ encoding: 'cbor', vcpus: [{ mpidr: 0x8000_0000n, firmware: [[0, 0x10001n]] }], ranges: [{ start: 0, end: 12_288 }], mem: memory }),
    ),
  ],
  [
    'stratovirt',
    'state',
    store('stratovirt', makeStratovirt({ cpus: [{ index: 0, registers: [[PSCI, 0x10001n]] }], ram: [{ start: 0x4000_0000n, bytes: memory }] })),
  ],
]

test.each(SNAPSHOTS)('%s: the folder and its %s are the same input', async (id, member, folder) => {
  const whole = await inspect(folder, { full: true })
  expect(whole).toMatchObject({ format: { id }, file: { name: folder }, psci: { version: '1.1' } })
  expect(whole.file.size).toBeGreaterThan(12_288)
  const { file, ...rest } = await inspect(join(folder, member), { full: true })
  expect(file).toEqual({ ...whole.file, name: join(folder, member) })
  expect({ ...rest, findings: [] }).toEqual({ ...whole, file: undefined, findings: [] })
  expect(await inspect(`${folder}/`)).toMatchObject({ file: { name: `${folder}/` } })
})

test.each(SNAPSHOTS)('%s: verify, convert and back, restore', async (id, _member, folder) => {
  expect(await verify(folder)).toMatchObject({ valid: true, file: folder, format: id })
  const out = join(top, `${id}.psnap`)
  expect(await convert(folder, out)).toMatchObject({ input: { file: folder, format: id } })
  const [from, to] = [await inspect(folder, { registers: '*', full: true }), await inspect(out, { registers: '*', full: true })]
  expect(to.vcpus).toEqual(from.vcpus)
  expect(to.memory.map(({ start, size }) => ({ start, size }))).toEqual(from.memory.map(({ start, size }) => ({ start, size })))
  const report = await restore(folder, { build: 'linux-6.1', run: false })
  expect(report).toMatchObject({ source: { file: folder, format: id, sha256: from.file.sha256 }, psci: { saved: '1.1' } })
})

test('a damaged snapshot is not valid, and why is said', async () => {
  const files = makeCloudHypervisor({ layout: 'v39', vcpus: [{ system: [] }], memory: [{ gpa: 0n, bytes: memory }] })
  const folder = store('short', { ...files, 'memory-ranges': memory.subarray(1) })
  expect(await verify(folder)).toMatchObject({
    valid: false,
    findings: [{ code: 'input-corrupt', message: expect.stringMatching(/memory-ranges has 12287 bytes/) }],
  })
})

test('a link in the folder that leads out of it is not followed', async () => {
  const { 'memory-ranges': _, ...files } = makeCloudHypervisor({ layout: 'v39', vcpus: [{ system: [] }], memory: [{ gpa: 0n, bytes: memory }] })
  const folder = store('linked', files)
  writeFileSync(join(top, 'elsewhere'), memory)
  symlinkSync('../elsewhere', join(folder, 'memory-ranges'))
  await expect(inspect(folder)).rejects.toMatchObject({ code: 'CANNOT_READ', message: expect.stringMatching(/memory-ranges is a link that leads out/) })
})

test('a folder that is none of these', async () => {
  await expect(inspect(top)).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN', exitCode: 11 })
})
