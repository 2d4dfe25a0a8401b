// An ELF core, read back by its own structure and by gdb.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { regId } from '../../../src/arch/reg-id.ts'
import { kernelMap } from '../../../src/formats/elf-core/kernel-map.ts'
import { writeElfCore } from '../../../src/formats/elf-core/write.ts'
import { writeSnapshotFile } from '../../../src/formats/exporters.ts'
import { BytesSink } from '../../../src/formats/output/sink.ts'
import { bytesRegion } from '../../../src/model/memory.ts'
import { registerList } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { convert } from '../../../src/ops/convert.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-core-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const gdb = spawnSync('gdb-multiarch', ['--version']).status === 0
const absent = gdb ? undefined : 'gdb-multiarch is not installed'
if (absent !== undefined) console.log(`cores under gdb: skipped, ${absent}`)

const CORE = 0x6030_0000_0010_0000n
const SIZE = 8 << 20
const memory = new Uint8Array(SIZE)
memory.set(Buffer.from('1f2003d5', 'hex'), 0x1000) // nop
memory.set([1, 2, 3, 4], SIZE - 4)

const vcpu = (index: number, mode: bigint): Snapshot['vcpus'][number] => ({
  index,
  mpState: 'runnable',
  registers: registerList(
    [
      ...Array.from({ length: 31 }, (_, n) => [CORE + BigInt(2 * n), BigInt(0x100 * index + n)] as const),
      [CORE + 0x3en, 0xe10n] as const,
      [CORE + 0x40n, 0x4000_1000n] as const,
      [CORE + 0x42n, mode] as const,
      [CORE + 0x44n, 0xe11n] as const,
      [0x6040_0000_0010_0054n + 4n, (0x1122n << 64n) | 0x3344n] as const,
      [0x6020_0000_0010_00d4n, 0x11n] as const,
      [0x6030_0000_0014_0000n, 0x10001n] as const,
    ].map(([id, value]) => [regId(id), value] as const),
  ),
})
const snapshot: Snapshot = {
  origin: {},
  gic: 'none',
  stop: 'running',
  vm: {},
  devices: [],
  vcpus: [vcpu(0, 0x3c5n), vcpu(1, 0x3c4n)],
  memory: [bytesRegion('flash', 0n, new Uint8Array(4096)), bytesRegion('ram', 0x4000_0000n, memory)],
}

interface Parsed {
  readonly loads: readonly { readonly address: bigint; readonly bytes: Uint8Array }[]
  readonly notes: readonly { readonly name: string; readonly type: number; readonly content: Buffer }[]
}
function parse(bytes: Buffer): Parsed {
  expect(bytes.subarray(0, 7).toString('hex')).toBe('7f454c46020101')
  expect([bytes.readUInt16LE(16), bytes.readUInt16LE(18)]).toEqual([4, 183])
  const headers = Array.from({ length: bytes.readUInt16LE(56) }, (_, i) => bytes.subarray(64 + 56 * i, 120 + 56 * i))
  const loads: Parsed['loads'][number][] = []
  const notes: Parsed['notes'][number][] = []
  for (const header of headers) {
    const [offset, size] = [Number(header.readBigUInt64LE(8)), Number(header.readBigUInt64LE(32))]
    const content = bytes.subarray(offset, offset + size)
    if (header.readUInt32LE(0) === 1) loads.push({ address: header.readBigUInt64LE(24), bytes: content })
    else
      for (let at = 0; at < content.length; ) {
        const [nameBytes, length, type] = [content.readUInt32LE(at), content.readUInt32LE(at + 4), content.readUInt32LE(at + 8)]
        const start = at + 12 + Math.ceil(nameBytes / 4) * 4
        notes.push({ name: content.toString('latin1', at + 12, at + 12 + nameBytes - 1), type, content: content.subarray(start, start + length) })
        at = start + Math.ceil(length / 4) * 4
      }
  }
  return { loads, notes }
}

test('registers as notes, memory as segments', async () => {
  const sink = new BytesSink()
  const vmcoreinfo = Buffer.from('OSRELEASE=6.12\n')
  const findings = await writeElfCore(snapshot, sink, { vmcoreinfo })
  const { loads, notes } = parse(Buffer.from(sink.bytes()))
  expect(loads.map(({ address, bytes }) => [address, bytes.length])).toEqual([
    [0n, 4096],
    [0x4000_0000n, SIZE],
  ])
  expect(Buffer.compare(loads[1]!.bytes, memory)).toBe(0)
  expect(notes.map(({ name, type, content }) => [name, type, content.length])).toEqual([
    ['CORE', 1, 392],
    ['CORE', 2, 528],
    ['CORE', 1, 392],
    ['CORE', 2, 528],
    ['VMCOREINFO', 0, vmcoreinfo.length],
  ])
  const registers = notes.filter(({ type }) => type === 1).map(({ content }) => [112 + 8, 112 + 31 * 8, 112 + 32 * 8].map(at => content.readBigUInt64LE(at)))
  // SP is that of the mode: EL1h uses SP_EL1, EL1t SP_EL0.
  expect(registers).toEqual([
    [1n, 0xe11n, 0x4000_1000n],
    [0x101n, 0xe10n, 0x4000_1000n],
  ])
  expect(notes[1]?.content.subarray(16, 32).toString('hex')).toBe('44330000000000002211000000000000')
  expect(findings.map(({ code }) => code)).toEqual(['not-exported'])
})

test('with SVE the vectors are the low parts of the Z registers', async () => {
  const z1 = new Uint8Array(256).map((_, i) => i)
  const registers = registerList([[regId(0x6080_0000_0015_0020n), z1]])
  const sink = new BytesSink()
  const findings = await writeElfCore({ ...snapshot, vcpus: [{ index: 0, mpState: 'runnable', registers }] }, sink, {})
  expect(Buffer.compare(parse(Buffer.from(sink.bytes())).notes[1]!.content.subarray(16, 32), z1.subarray(0, 16))).toBe(0)
  expect(findings.map(({ code }) => code)).toContain('sve-vectors-cut')
})

test('zeros are holes: the file takes less room than it has bytes, and reads the same as one written through', async () => {
  const path = join(folder, 'holes.core')
  await writeSnapshotFile(snapshot, path)
  const { size, blocks } = statSync(path)
  expect(size).toBeGreaterThan(SIZE)
  expect(blocks * 512).toBeLessThan(SIZE / 4)
  const sink = new BytesSink()
  await writeElfCore(snapshot, sink, {})
  expect(Buffer.compare(readFileSync(path), sink.bytes())).toBe(0)
})

const debug = (core: string, ...commands: string[]): string => {
  const { stdout, stderr, status } = spawnSync('gdb-multiarch', ['-nx', '-batch', ...commands.flatMap(command => ['-ex', command]), '-core', core], {
    encoding: 'utf8',
  })
  expect(status, stderr).toBe(0)
  return stdout
}

test.skipIf(absent !== undefined)('gdb: threads, registers, memory, instructions', async () => {
  const path = join(folder, 'gdb.core')
  await writeSnapshotFile(snapshot, path)
  const text = debug(path, 'info threads', 'p/x $x30', 'p/x $sp', 'p/x $v1.d.u', 'x/i $pc', 'x/4xb 0x407ffffc', 'thread 2', 'p/x $x30', 'p/x $sp')
  expect(text).toMatch(/LWP 1[\s\S]*LWP 2/)
  expect(text).toMatch(/\$1 = 0x1e\n\$2 = 0xe11\n\$3 = \{0x3344, 0x1122\}/)
  expect(text).toMatch(/=> 0x40001000:\s+nop/)
  expect(text).toMatch(/0x407ffffc:\s+0x01\s+0x02\s+0x03\s+0x04/)
  expect(text).toMatch(/\$4 = 0x11e\n\$5 = 0xe10/)
})

/** Kernel addresses from 0xffff800008000000: 2 MiB by a block at 0x40200000, then one page at 0x40001000. Tables of 4 KiB, 48 bits. */
function withMmu(): Snapshot {
  const bytes = memory.slice()
  const view = new DataView(bytes.buffer)
  const [l0, l1, l2, l3] = [0x10_0000, 0x10_1000, 0x10_2000, 0x10_3000] as const
  const virtual = 0xffff_8000_0800_0000n
  const set = (table: number, level: number, address: bigint, descriptor: bigint): void =>
    view.setBigUint64(table + 8 * Number((address >> BigInt(39 - 9 * level)) & 0x1ffn), descriptor, true)
  set(l0, 0, virtual, BigInt(0x4000_0000 + l1) | 3n)
  set(l1, 1, virtual, BigInt(0x4000_0000 + l2) | 3n)
  set(l2, 2, virtual, 0x4020_0000n | 1n | (1n << 54n))
  set(l2, 2, virtual + 0x20_0000n, BigInt(0x4000_0000 + l3) | 3n)
  set(l3, 3, virtual + 0x20_0000n, 0x4000_1000n | 3n)
  set(l3, 3, virtual + 0x20_1000n, 0x9000_0000n | 3n) // a device: not in memory
  bytes.set(Buffer.from('20008052', 'hex'), 0x20_0000) // mov w0, #1
  const control = (16n << 16n) | (2n << 30n)
  const registers = registerList(
    (
      [
        [CORE + 0x40n, virtual],
        [CORE + 0x42n, 0x3c5n],
        [0x6030_0000_0013_c080n, 1n],
        [0x6030_0000_0013_c101n, 0x4010_0001n],
        [0x6030_0000_0013_c102n, control],
      ] as const
    ).map(([id, value]) => [regId(id), value] as const),
  )
  return { ...snapshot, vcpus: [{ index: 0, mpState: 'runnable', registers }], memory: [bytesRegion('ram', 0x4000_0000n, bytes)] }
}

test("the kernel's own addresses, by its page tables", async () => {
  expect(await kernelMap(withMmu())).toEqual({
    isCut: false,
    ranges: [
      { virtual: 0xffff_8000_0800_0000n, physical: 0x4020_0000n, size: 0x20_0000n },
      { virtual: 0xffff_8000_0820_0000n, physical: 0x4000_1000n, size: 4096n },
      { virtual: 0xffff_8000_0820_1000n, physical: 0x9000_0000n, size: 4096n },
    ],
  })
  expect(await kernelMap(snapshot)).toBeUndefined()
})

test('tables that lead to themselves end the walk', async () => {
  const self = new Uint8Array(0x20_0000)
  const loop = new DataView(self.buffer)
  for (let i = 0; i < 512; i++) loop.setBigUint64(0x10_0000 + 8 * i, 0x4010_0003n, true)
  expect((await kernelMap({ ...withMmu(), memory: [bytesRegion('ram', 0x4000_0000n, self)] }))?.isCut).toBe(true)
})

test.skipIf(absent !== undefined)('gdb: kernel addresses', async () => {
  const path = join(folder, 'mmu.core')
  await writeSnapshotFile(withMmu(), path)
  const text = debug(path, 'x/i $pc', 'x/i 0xffff800008200000', 'x/i 0x40200000')
  expect(text).toMatch(/=> 0xffff800008000000:\s+mov\s+w0, #0x1/)
  expect(text).toMatch(/0xffff800008200000:\s+nop/)
  expect(text).toMatch(/0x40200000:\s+mov\s+w0, #0x1/)
})

const SAMPLES = join(import.meta.dirname, '../../../../shared/samples/qemu')
const noSamples = existsSync(SAMPLES) ? absent : 'there is no ../shared/samples/qemu'
if (noSamples !== undefined) console.log(`cores of QEMU streams under gdb: skipped, ${noSamples}`)
const samples =
  noSamples === undefined ? readdirSync(SAMPLES).filter(name => /^(kvm-k6.18-q11.1-c|tcg-q10.0-virt10.0-max-gic3-2cpu).*\.mig\.gz$/.test(name)) : []

test.skipIf(noSamples !== undefined).each(samples)('gdb shows the registers that QEMU printed for %s', async file => {
  const path = join(folder, `${file}.core`)
  await convert(join(SAMPLES, file), path)
  const monitor = readFileSync(join(SAMPLES, file.replace('.mig.gz', '.regs.txt')), 'latin1')
  const [cpu0 = ''] = monitor.split(/CPU#1/)
  const value = (pattern: RegExp): bigint => BigInt(`0x${pattern.exec(cpu0)?.[1] ?? ''}`)
  const text = debug(path, 'p/x $pc', 'p/x $sp', 'p/x $x27', 'p/x $cpsr')
  const shown = [...text.matchAll(/^\$\d+ = (0x[0-9a-f]+)$/gm)].map(([, hex]) => BigInt(hex ?? ''))
  expect(shown).toEqual([value(/PC=([0-9a-f]+)/), value(/\bSP=([0-9a-f]+)/), value(/X27=([0-9a-f]+)/), value(/PSTATE=([0-9a-f]+)/) & 0xffff_ffffn])
})
