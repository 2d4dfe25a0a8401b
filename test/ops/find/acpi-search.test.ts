// ACPI tables found where arm64 firmware puts them, and in what a VMM keeps for firmware.
import { expect, test } from 'vitest'
import { qemu } from '../../../src/formats/importers/qemu/importer.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'
import { bytesRegion } from '../../../src/model/memory.ts'
import type { MemoryRegion, Snapshot } from '../../../src/model/snapshot.ts'
import { searchAcpi } from '../../../src/ops/find/acpi-search.ts'
import { ENTRIES, hasSamples, readSample } from '../../formats/importers/qemu/samples.ts'
import { acpiTable, facs, fadt, loaderScript, rsdp, tableBlob } from './guest-tables.ts'

const START = 0x4000_0000n
const MiB = 1 << 20
const at = (offset: number): bigint => START + BigInt(offset)

function guest(memory: readonly MemoryRegion[], devices: Snapshot['devices'] = []): Snapshot {
  return { origin: {}, gic: 'v3', stop: 'hibernated', vm: {}, vcpus: [], devices, memory }
}
function ram(size: number, ...parts: readonly (readonly [offset: number, bytes: Uint8Array])[]): MemoryRegion {
  const bytes = new Uint8Array(size)
  for (const [offset, part] of parts) bytes.set(part, offset)
  return bytesRegion('ram', START, bytes)
}
function xsdt(...addresses: readonly bigint[]): Buffer {
  const entries = Buffer.alloc(8 * addresses.length)
  for (const [i, address] of addresses.entries()) entries.writeBigUInt64LE(address, 8 * i)
  return acpiTable('XSDT', entries)
}

test.each([0, 8, MiB - 8, MiB])('an RSDP at 0x%x, as EDK2 puts it: 8 modulo 16, across pieces too', async offset => {
  const memory = ram(3 * MiB, [offset, rsdp(at(0x2000))], [0x2000, xsdt(at(0x3000))], [0x3000, fadt(at(0x4000), 3)], [0x4000, facs(0xabcd)])
  const { memory: found, candidates, searched } = await searchAcpi(guest([memory]), {})
  expect(found).toMatchObject([{ address: `0x${at(offset).toString(16)}`, facs: { address: '0x40004000', hardwareSignature: '0x0000abcd', length: 64 } }])
  expect(candidates).toEqual([])
  expect(searched).toBeGreaterThan(0)
})

test('tables above 4 GiB, in another region', async () => {
  const high = 0x1_0000_0000n
  const far = new Uint8Array(MiB)
  far.set(facs(7), 0x40)
  const memory = [ram(MiB, [0x1018, rsdp(at(0x2000))], [0x2000, xsdt(at(0x3000))], [0x3000, fadt(high + 0x40n, 3)]), bytesRegion('high', high, far)]
  expect((await searchAcpi(guest(memory), {})).memory[0]?.facs).toMatchObject({ address: '0x100000040', hardwareSignature: '0x00000007' })
})

test('a FACS that no table leads to is a candidate; letters alone are none', async () => {
  const memory = ram(MiB, [0x4000, facs(9)], [0x5000, Buffer.from('FACS and other letters')], [0x6020, facs(1)])
  const { memory: found, candidates } = await searchAcpi(guest([memory]), {})
  expect(found).toEqual([])
  expect(candidates).toMatchObject([{ address: '0x40004000', hardwareSignature: '0x00000009' }])
})

test.each([
  ['out of memory', 0xffff_ffff_ffff_fff0n],
  ['in its last bytes', at(MiB - 8)],
  ['what is no FACS', at(0x2000)],
])('a FADT that leads to %s is said, and nothing is taken for a FACS', async (_, address) => {
  const memory = ram(MiB, [0x1000, rsdp(at(0x2000))], [0x2000, xsdt(at(0x3000))], [0x3000, fadt(address, 3)], [MiB - 8, Buffer.from('FACS')])
  const { memory: found } = await searchAcpi(guest([memory]), {})
  expect(found).toMatchObject([{ fault: expect.stringMatching(/there is no FACS at 0x/) }])
  expect(found[0]?.facs).toBeUndefined()
})

test('tables that name each other, and an XSDT without end, are read once and in bounded time', async () => {
  const loop = ram(MiB, [0x1000, rsdp(at(0x2000))], [0x2000, xsdt(at(0x2000), at(0x3000))], [0x3000, fadt(at(0x2000), 3)])
  expect((await searchAcpi(guest([loop]), {})).memory[0]?.tables.map(({ signature }) => signature)).toEqual(['XSDT', 'XSDT', 'FACP'])
  const many = ram(MiB, [0x1000, rsdp(at(0x2000))], [0x2000, xsdt(...Array.from({ length: 5000 }, () => at(0x2000)))])
  const [found] = (await searchAcpi(guest([many]), {})).memory
  expect(found?.tables).toHaveLength(257)
  expect(found?.fault).toMatch(/5000 tables, of which 256/)
})

test('tables that are large, and many, are read up to a bound', async () => {
  const size = 1 << 20
  const table = acpiTable('SSDT', new Uint8Array(size - 36).fill(1))
  const memory = ram(3 * MiB, [0x1000, rsdp(at(0x2000))], [0x2000, xsdt(...Array.from({ length: 200 }, () => at(MiB)))], [MiB, table])
  const [found] = (await searchAcpi(guest([memory]), {})).memory
  expect(found?.tables.length).toBeLessThanOrEqual(17)
  expect(found?.fault).toMatch(/more than 16 MiB/)
})

test('memory full of signatures', async () => {
  const bytes = new Uint8Array(4 * MiB)
  for (let offset = 0; offset < bytes.length; offset += 64) bytes.set(facs(offset), offset)
  for (let offset = 0; offset < bytes.length; offset += 128) bytes.set(rsdp(at(offset)), offset)
  const { memory, candidates } = await searchAcpi(guest([bytesRegion('ram', START, bytes)]), {})
  expect(memory.length).toBeLessThanOrEqual(64)
  expect(candidates.length).toBeLessThanOrEqual(64)
})

test('in what QEMU keeps for firmware: offsets for addresses', async () => {
  const pointer = { file: 'etc/acpi/tables', source: 'etc/acpi/tables', offset: 164 + 36, size: 4 }
  const block = (name: string, bytes: Uint8Array) => ({ name, kind: 'qemu-ram-block', state: { size: bytes.length, present: 4096, bytes } })
  const devices = [block('/rom@etc/acpi/tables', tableBlob(0x55)), block('/rom@etc/table-loader', loaderScript([pointer]))]
  const { carried, memory } = await searchAcpi(guest([], devices), {})
  expect(memory).toEqual([])
  expect(carried).toMatchObject([
    {
      device: '/rom@etc/acpi/tables',
      tables: [{ signature: 'FACS' }, { signature: 'DSDT' }, { signature: 'FACP' }],
      facs: [{ address: '0x0', hardwareSignature: '0x00000055', linked: true }],
    },
  ])
  expect((await searchAcpi(guest([], devices.slice(0, 1)), {})).carried[0]?.facs).toMatchObject([{ linked: false }])
})

// What real QEMU wrote. A new sample is a new test.
const streams = ENTRIES.filter(({ name }) => name.endsWith('.mig') && !/minimal/.test(name)).filter((_, i) => i % 8 === 0)
test.skipIf(!hasSamples).each(streams)('$name: tables for firmware from DSDT to XSDT, and no FACS on this board', async entry => {
  const { snapshot } = await qemu.read(bytesSource(readSample(entry), entry.name))
  const { carried, candidates } = await searchAcpi(snapshot, {})
  expect(candidates).toEqual([])
  const blob = snapshot.devices.some(({ name, state }) => name === '/rom@etc/acpi/tables' && (state as { present: number }).present > 0)
  expect(carried).toHaveLength(blob ? 1 : 0)
  for (const { tables, facs: found } of carried) {
    expect(tables[0]?.signature).toBe('DSDT')
    expect(tables.at(-1)?.signature).toBe('XSDT')
    expect(tables.map(({ signature }) => signature)).toEqual(expect.arrayContaining(['FACP', 'APIC', 'GTDT']))
    expect(found).toEqual([])
  }
})
