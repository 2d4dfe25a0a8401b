// Memory large enough for worker threads: what comes back, what an abort leaves, what progress says.
import { expect, test } from 'vitest'
import { openArchive } from '../../../src/formats/archive/read.ts'
import { verifyArchive } from '../../../src/formats/archive/verify.ts'
import { writeArchive } from '../../../src/formats/archive/write.ts'
import { BytesSink, type Sink } from '../../../src/formats/output/sink.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'
import { bytesRegion, isAllZero } from '../../../src/model/memory.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'

const memory = new Uint8Array((24 << 20) + 333)
for (let chunk = 0; chunk < 25; chunk++) if (chunk % 3 !== 1) memory.fill(chunk + 1, chunk << 20, (chunk << 20) + 5000)
const snapshot: Snapshot = {
  origin: {},
  gic: 'v3',
  stop: 'running',
  vm: {},
  vcpus: [],
  devices: [],
  memory: [bytesRegion('ram', 0n, memory), bytesRegion('rom', 1n << 40n, memory.slice(0, 100))],
}
const sink = new BytesSink()
const progress: [number, number][] = []
await writeArchive(snapshot, sink, { onProgress: (done, total) => progress.push([done, total]) })
const bytes = sink.bytes()

test('every byte comes back, in order, and only what is not zero', async () => {
  const { snapshot: read } = await (await openArchive(bytesSource(bytes))).readSnapshot()
  const back = new Uint8Array(memory.length)
  const offsets: number[] = []
  for await (const { offset, data } of read.memory[0]!.chunks()) {
    offsets.push(offset >> 20)
    expect(isAllZero(data)).toBe(false)
    back.set(data, offset)
  }
  expect(Buffer.compare(back, memory)).toBe(0)
  expect(offsets).toEqual(Array.from({ length: 25 }, (_, i) => i).filter(i => i % 3 !== 1))
  expect(read.memory.map(region => region.present)).toEqual([16 * 2 ** 20 + 333, 100])
})

test('the same bytes again, on this Node', async () => {
  const again = new BytesSink()
  await writeArchive(snapshot, again)
  expect(Buffer.compare(again.bytes(), bytes)).toBe(0)
})

test('progress goes up to all there is', () => {
  const total = memory.length + 100
  expect(progress.every(([done, all], i) => all === total && done >= (progress[i - 1]?.[0] ?? 0))).toBe(true)
  expect(progress.at(-1)).toEqual([total, total])
})

test('an abort ends writing, reading and verifying with its reason', async () => {
  const stopping = (after: number): Sink => {
    let written = 0
    return {
      async write(...parts) {
        written += parts.length
        if (written > after) controller.abort(new Error('enough'))
      },
    }
  }
  let controller = new AbortController()
  await expect(writeArchive(snapshot, stopping(20), { signal: controller.signal })).rejects.toThrow('enough')
  controller = new AbortController()
  const { snapshot: read } = await (await openArchive(bytesSource(bytes))).readSnapshot()
  const reading = async (): Promise<void> => {
    for await (const { offset } of read.memory[0]!.chunks(controller.signal)) if (offset > 0) controller.abort(new Error('enough'))
  }
  await expect(reading()).rejects.toThrow('enough')
  controller = new AbortController()
  await expect(verifyArchive(bytesSource(bytes), { signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) })).rejects.toThrow(
    'enough',
  )
})

test('a consumer that leaves early, and a sink that fails, leave no worker behind', async () => {
  const ports = (): number => process.getActiveResourcesInfo().filter(name => name === 'Worker' || name === 'MessagePort').length
  const before = ports()
  const { snapshot: read } = await (await openArchive(bytesSource(bytes))).readSnapshot()
  for await (const _ of read.memory[0]!.chunks()) break
  const full: Sink = {
    write: async () => {
      throw new Error('no space')
    },
  }
  await expect(writeArchive(snapshot, full)).rejects.toThrow('no space')
  expect(ports()).toBe(before)
})

test('damage in one chunk: reading stops there and says where, verify goes on to the next', async () => {
  const archive = await openArchive(bytesSource(bytes))
  const rows = archive.members.filter(row => row.name.startsWith('memory/ram/'))
  const damaged = bytes.slice()
  for (const row of [rows[3]!, rows[9]!]) damaged[row.offset + 20]! ^= 4
  const { snapshot: read } = await (await openArchive(bytesSource(damaged, 'd.psnap'))).readSnapshot()
  let seen = 0
  const reading = async (): Promise<void> => {
    for await (const _ of read.memory[0]!.chunks()) seen++
  }
  await expect(reading()).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT', at: { file: 'd.psnap', member: rows[3]!.name, offset: rows[3]!.offset } })
  expect(seen).toBe(3)
  const report = await verifyArchive(bytesSource(damaged))
  expect(report.findings.map(finding => finding.member)).toEqual([rows[3]!.name, rows[9]!.name])
})
