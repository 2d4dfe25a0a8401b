import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { fdtNodeAt, fdtValue, parseFdt } from '../../../src/formats/data/fdt.ts'
import { bytesRegion } from '../../../src/model/memory.ts'
import type { MemoryRegion } from '../../../src/model/snapshot.ts'
import { findInGuest } from '../../../src/ops/find/find.ts'
import { findVmcoreinfo } from '../../../src/ops/find/vmcoreinfo.ts'
import { acpiTable, deviceTree, facs, fadt, rsdp } from './guest-tables.ts'

const START = 0x4000_0000n
const MiB = 1 << 20

function memory(size: number, ...parts: readonly (readonly [offset: number, bytes: Uint8Array | string])[]): MemoryRegion[] {
  const bytes = new Uint8Array(size)
  for (const [offset, part] of parts) bytes.set(typeof part === 'string' ? Buffer.from(part, 'latin1') : part, offset)
  return [bytesRegion('ram', START, bytes)]
}

const BANNER = 'Linux version 6.12.117 (builder@host) (gcc 12.2.0) #1 SMP PREEMPT_DYNAMIC Debian'
const TREE = deviceTree({
  model: 'test,machine',
  compatible: 'test,one\0test,two',
  chosen: { bootargs: 'console=ttyAMA0' },
  cpus: { 'cpu@0': { reg: [0] }, 'cpu@1': { reg: [1] } },
  psci: { compatible: 'arm,psci-1.0\0arm,psci-0.2', method: 'hvc', cpu_on: [0xc400_0003] },
})

test('a kernel banner is found wherever it stands, across the pieces that memory comes in too', async () => {
  for (const offset of [0, 100, MiB - 7, MiB - 1, MiB, 3 * MiB - BANNER.length]) {
    const { kernels } = await findInGuest(memory(3 * MiB, [offset, BANNER]), {})
    expect(kernels).toEqual([{ banner: BANNER, addresses: [`0x${(START + BigInt(offset)).toString(16)}`] }])
  }
})

test('the same banner in several places is one kernel; the format string that it is made of is none', async () => {
  const { kernels } = await findInGuest(memory(MiB, [4096, `${BANNER}\n`], [9000, BANNER], [20_000, 'Linux version %s (%s)']), {})
  expect(kernels).toEqual([{ banner: BANNER, addresses: ['0x40001000', '0x40002328'] }])
})

test('a copy without an end, as in a log, is the same kernel', async () => {
  const { kernels } = await findInGuest(memory(MiB, [4096, `${BANNER}\n`], [9000, `${BANNER}6)`], [20_000, 'Linux version 5.10 (x)']), {})
  expect(kernels).toEqual([
    { banner: BANNER, addresses: ['0x40001000', '0x40002328'] },
    { banner: 'Linux version 5.10 (x)', addresses: ['0x40004e20'] },
  ])
})

test('a device tree is decoded, its /psci with it', async () => {
  const { deviceTrees } = await findInGuest(memory(2 * MiB, [MiB - 8, TREE]), {})
  expect(deviceTrees).toEqual([
    {
      address: '0x400ffff8',
      size: TREE.length,
      nodes: 6,
      model: 'test,machine',
      compatible: ['test,one', 'test,two'],
      bootargs: 'console=ttyAMA0',
      psci: { compatible: ['arm,psci-1.0', 'arm,psci-0.2'], method: ['hvc'], cpu_on: ['0xc4000003'] },
    },
  ])
})

test('remains of a tree are no tree', async () => {
  const torn = TREE.slice()
  torn.fill(0xff, 80, 120)
  expect((await findInGuest(memory(MiB, [4096, torn]), {})).deviceTrees).toEqual([])
  expect((await findInGuest(memory(MiB, [MiB - 40, TREE.subarray(0, 40)]), {})).deviceTrees).toEqual([])
})

const at = (offset: number): bigint => START + BigInt(offset)
function tables(changed: (bytes: { fadt: Uint8Array; rsdp: Uint8Array }) => void = () => {}): MemoryRegion[] {
  const parts = { fadt: fadt(at(0x4000), 3), rsdp: rsdp(at(0x2000)) }
  changed(parts)
  const entries = Buffer.alloc(16)
  entries.writeBigUInt64LE(at(0x3000), 0)
  entries.writeBigUInt64LE(at(0x5000), 8)
  return memory(
    MiB,
    [0x1000, parts.rsdp],
    [0x2000, acpiTable('XSDT', entries)],
    [0x3000, parts.fadt],
    [0x4000, facs(0xdead_beef)],
    [0x5000, acpiTable('GTDT', new Uint8Array(60))],
  )
}

test('ACPI tables: PSCI conduit of the FADT, hardware signature of the FACS, checksums', async () => {
  const { acpi } = await findInGuest(tables(), {})
  expect(acpi).toMatchObject([
    {
      address: '0x40001000',
      revision: 2,
      oem: 'BOCHS',
      checksumOk: true,
      psci: { compliant: true, conduit: 'hvc' },
      hardwareSignature: '0xdeadbeef',
      tables: [
        { signature: 'XSDT', checksumOk: true },
        { signature: 'FACP', checksumOk: true },
        { signature: 'FACS', address: '0x40004000' },
        { signature: 'GTDT', checksumOk: true },
      ],
    },
  ])
})

test('a wrong checksum is said, of the table that has it', async () => {
  const { acpi } = await findInGuest(
    tables(parts => {
      parts.fadt[200] = 1
    }),
    {},
  )
  expect(acpi[0]?.tables.filter(({ checksumOk }) => checksumOk === false).map(({ signature }) => signature)).toEqual(['FACP'])
  const spoiled = await findInGuest(
    tables(parts => {
      parts.rsdp[10] = 1
    }),
    {},
  )
  expect(spoiled.acpi.map(({ checksumOk }) => checksumOk)).toEqual([false])
})

test('a signature alone, as every kernel has it, is no RSDP', async () => {
  expect((await findInGuest(memory(MiB, [0x1000, 'RSD PTR '], [0x2000, 'RSD PTR nonsense, and more of it until the end']), {})).acpi).toEqual([])
})

test('the search is bounded whatever memory is made of', async () => {
  for (const pattern of ['Linux version 6.', '\xd0\x0d\xfe\xed\0\0\x01\0\0\0\0\x38\0\0\0\x38\0\0\0\x28\0\0\0\x11\0\0\0\x10', 'RSD PTR \0\0\0\0\0\0\0\0']) {
    const bytes = Buffer.alloc(4 * MiB, Buffer.from(pattern, 'latin1'))
    const found = await findInGuest(memory(4 * MiB, [0, bytes]), {})
    expect(found.kernels.length + found.deviceTrees.length + found.acpi.length).toBeLessThanOrEqual(96)
  }
}, 20_000)

test('a tree with any byte changed is read or refused, never worse', () => {
  const whole = parseFdt(TREE, 'tree')
  expect(fdtValue(fdtNodeAt(whole.root, '/cpus/cpu@1')?.properties.get('reg') ?? new Uint8Array())).toEqual(['0x1'])
  fc.assert(
    fc.property(fc.nat(TREE.length - 1), fc.nat(255), fc.nat(TREE.length), (where, value, length) => {
      const bytes = TREE.slice(0, length)
      if (where < bytes.length) bytes[where] = value
      try {
        parseFdt(bytes, 'tree')
      } catch (error) {
        expect(error).toBeInstanceOf(SnapError)
      }
    }),
    { numRuns: 3000, seed: 11 },
  )
})

test('a tree without end, and one too deep', () => {
  const deep = (levels: number) => {
    const words = [...Array.from({ length: levels }, () => [1, 0]).flat(), ...Array.from({ length: levels }, () => 2), 9]
    const body = Buffer.alloc(4 * words.length)
    for (const [i, word] of words.entries()) body.writeUInt32BE(word, 4 * i)
    const header = Buffer.alloc(56)
    for (const [i, word] of [0xd00dfeed, 56 + body.length, 56, 56 + body.length, 40, 17, 16, 0, 0, body.length].entries()) header.writeUInt32BE(word, 4 * i)
    return Buffer.concat([header, body])
  }
  expect(parseFdt(deep(64), 'tree').nodes).toBe(64)
  expect(() => parseFdt(deep(65), 'tree')).toThrow(/deeper/)
  expect(() => parseFdt(TREE.subarray(0, TREE.length - 1), 'tree')).toThrow(SnapError)
})

test('vmcoreinfo: from its note, or from the page it was made of', async () => {
  const text = 'OSRELEASE=6.12.117\nPAGESIZE=4096\nNUMBER(VA_BITS)=48\n'
  const note = Buffer.alloc(24 + text.length)
  note.writeUInt32LE(11, 0)
  note.writeUInt32LE(text.length, 4)
  note.write('VMCOREINFO\0', 12, 'latin1')
  note.write(text, 24, 'latin1')
  const read = async (...parts: readonly (readonly [number, Uint8Array | string])[]) => {
    const found = await findVmcoreinfo(memory(MiB, ...parts), {})
    return found && Buffer.from(found).toString('latin1')
  }
  expect(await read([0x1234 & ~3, note])).toBe(text)
  expect(await read([0x3000, text])).toBe(text)
  expect(await read([0x3010, text])).toBeUndefined()
  expect(await read([0x1000, 'VMCOREINFO\0 of something else'])).toBeUndefined()
})
