// Guest memory beside the state file: only what the user names, piece by piece, diffs laid over.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { firecrackerVmstate } from '../../../../src/formats/importers/firecracker/importer.ts'
import { RELEASES } from '../../../../src/formats/importers/firecracker/releases.ts'
import { readVmstate } from '../../../../src/formats/importers/firecracker/vmstate.ts'
import { bytesSource, type Source } from '../../../../src/formats/source/source.ts'
import type { MemoryRegion } from '../../../../src/model/snapshot.ts'
import { inspect } from '../../../../src/ops/inspect.ts'
import { makeVmstate, someRegisters } from './make-vmstate.ts'

const MiB = 1 << 20
const regions = [
  { baseAddress: 0x8000_0000n, size: BigInt(2 * MiB) },
  { baseAddress: 0x1_0000_0000n, size: BigInt(MiB + 8192) },
]
const SIZE = 3 * MiB + 8192
const releaseOf = (version: string) => RELEASES.find(release => release.version === version)!
const vmstate = (version: string): Uint8Array => makeVmstate(releaseOf(version), { vcpus: [someRegisters(0)], memory: regions })
const read = (version: string, ...layers: Source[]) => firecrackerVmstate.read(bytesSource(vmstate(version), 'guest.vmstate'), undefined, { memory: layers })

/** Page numbers of a file's non-zero pages, and what fills them. */
const memoryFile = (pages: Readonly<Record<number, number>>, name = 'guest.mem'): Source => {
  const bytes = new Uint8Array(SIZE)
  for (const [page, value] of Object.entries(pages)) bytes.fill(value, Number(page) * 4096, (Number(page) + 1) * 4096)
  return bytesSource(bytes, name)
}
async function pagesOf(region: MemoryRegion): Promise<Record<number, number>> {
  const out: Record<number, number> = {}
  for await (const { offset, data } of region.chunks()) for (let at = 0; at < data.length; at += 4096) if (data[at] !== 0) out[(offset + at) / 4096] = data[at]!
  return out
}

test.each(['4', '3.0.0', '6.0.0', '10.0.0'])('regions of version %s are back to back in the file', async version => {
  const { snapshot, findings } = await read(version, memoryFile({ 0: 1, 511: 2, 512: 3, 769: 4 }))
  expect(snapshot.memory.map(({ name, start, size }) => [name, start, size])).toEqual([
    ['ram0', 0x8000_0000n, 2 * MiB],
    ['ram1', 0x1_0000_0000n, MiB + 8192],
  ])
  expect(await Promise.all(snapshot.memory.map(pagesOf))).toEqual([
    { 0: 1, 511: 2 },
    { 0: 3, 257: 4 },
  ])
  expect(findings.map(({ code }) => code)).not.toContain('memory-elsewhere')
})

test('pieces are at most 1 MiB, zero ones are left out, and nothing is read before it is asked for', async () => {
  const inner = memoryFile({ 300: 9 })
  const asked: number[] = []
  const source: Source = {
    ...inner,
    read: (offset, length) => {
      asked.push(length)
      return inner.read(offset, length)
    },
  }
  const { snapshot } = await read('6.0.0', source)
  expect(asked).toEqual([])
  const chunks = []
  for await (const { offset, data } of snapshot.memory[0]!.chunks()) chunks.push([offset, data.length])
  expect(chunks).toEqual([[MiB, MiB]])
  expect(Math.max(...asked)).toBe(MiB)
})

test('diffs are laid over in their order, page by page, and it is said what cannot be told', async () => {
  const { snapshot, findings } = await read(
    '9.0.0',
    memoryFile({ 0: 1, 1: 1, 600: 1 }),
    memoryFile({ 1: 2, 2: 2 }, 'diff1'),
    memoryFile({ 2: 3, 600: 3 }, 'diff2'),
  )
  expect(await Promise.all(snapshot.memory.map(pagesOf))).toEqual([{ 0: 1, 1: 2, 2: 3 }, { 88: 3 }])
  const said = findings.filter(({ code }) => code === 'diff-by-content')
  expect(said.map(({ severity, message }) => [severity, message.split(' ')[0]])).toEqual([
    ['warning', 'diff1'],
    ['warning', 'diff2'],
  ])
})

test('a memory file of another size is refused', async () => {
  await expect(read('6.0.0', bytesSource(new Uint8Array(SIZE - 1), 'short.mem'))).rejects.toMatchObject({
    code: 'INPUT_CORRUPT',
    message: `short.mem has ${SIZE - 1} bytes; guest.vmstate describes ${SIZE} bytes of guest memory`,
    at: { file: 'short.mem', offset: SIZE - 1 },
  })
})

test('hotpluggable memory keeps its place in the file', async () => {
  const release = RELEASES.find(({ version, releases }) => version === '8.0.0' && releases[0] === '1.14.0')!
  const memory = [regions[0]!, { ...regions[1]!, regionType: 'Hotpluggable', plugged: [true, false, true] }]
  const bytes = makeVmstate(release, { vcpus: [someRegisters(0)], memory })
  expect(readVmstate(bytes, 'x').state.vm.memory?.[1]).toMatchObject({ regionType: 'Hotpluggable', plugged: [true, false, true] })
  const { snapshot } = await firecrackerVmstate.read(bytesSource(bytes, 'x'), undefined, { memory: [memoryFile({ 513: 5 })] })
  expect(snapshot.memory.map(({ name }) => name)).toEqual(['ram0', 'hotplug1'])
  expect(await pagesOf(snapshot.memory[1]!)).toEqual({ 1: 5 })
})

test('through inspect: without the memory file it says where memory is, with it what is there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'psci-snap-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [state, memory] = [join(folder, 'guest.vmstate'), join(folder, 'guest.mem')]
  writeFileSync(state, vmstate('6.0.0'))
  writeFileSync(memory, await memoryFile({ 3: 1 }).head(SIZE))
  const without = await inspect(state)
  expect(without.memory).toEqual([])
  expect(without.findings.find(({ code }) => code === 'memory-elsewhere')).toMatchObject({ message: expect.stringContaining('2097152 bytes at 0x80000000') })
  const whole = await inspect(state, { memoryFiles: [memory], full: true })
  expect(whole.memory).toEqual([
    { name: 'ram0', start: '0x80000000', size: 2 * MiB, present: MiB },
    { name: 'ram1', start: '0x100000000', size: MiB + 8192, present: 0 },
  ])
})
