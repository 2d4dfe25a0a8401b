// How ACPI tables and a FACS that is set read on a terminal, as golden files, and as JSON.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setChecksum } from '../../src/arch/acpi/tables.ts'
import { runCommand } from '../cli/run-command.ts'
import { makeStream, type PageSpec } from '../formats/importers/qemu/make-stream.ts'
import { acpiTable, facs, fadt, loaderScript, rsdp, tableBlob } from '../ops/find/guest-tables.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-acpi-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const START = 0x4000_0000n
const PAGE = 4096
const [RAM, TABLES, LOADER] = ['mach-virt.ram', '/rom@etc/acpi/tables', '/rom@etc/table-loader'] as const

beforeAll(() => {
  const entries = Buffer.alloc(16)
  entries.writeBigUInt64LE(START + 0x2000n)
  entries.writeBigUInt64LE(START + 0x1800n, 8)
  const table = fadt(START + 0x3040n, 3)
  table.writeUInt32LE(1 << 20, 112)
  setChecksum(table)
  const wakes = facs(0x1122_3344)
  wakes.writeBigUInt64LE(0x4008_0000n, 24)
  const page = (block: string, number: number, ...parts: readonly (readonly [number, Uint8Array])[]): PageSpec => {
    const data = new Uint8Array(PAGE)
    for (const [offset, bytes] of parts) data.set(bytes, offset)
    return { kind: 'plain', block, page: number, data }
  }
  const script = loaderScript([{ file: 'etc/acpi/tables', source: 'etc/acpi/tables', offset: 164 + 36, size: 4 }])
  const bytes = makeStream({
    pageBits: 12,
    blocks: [
      { name: RAM, size: 16 * PAGE },
      { name: TABLES, size: PAGE },
      { name: LOADER, size: PAGE },
    ],
    parts: [
      [
        page(RAM, 0, [0x18, rsdp(START + 0x1000n)]),
        page(RAM, 1, [0, acpiTable('XSDT', entries)], [0x800, acpiTable('GTDT', new Uint8Array(60))]),
        page(RAM, 2, [0, table]),
        page(RAM, 3, [0x40, wakes], [0x80, facs(0x5566_7788)]),
        page(TABLES, 0, [0, tableBlob(0x1122_3344)]),
        page(LOADER, 0, [0, script]),
      ],
    ],
  })
  writeFileSync(join(folder, 'guest.mig'), bytes)
})

test.each([
  ['inspect-acpi', 'inspect guest.mig --acpi --registers PSCI_VERSION'],
  ['edit-facs', 'edit guest.mig -o clean.mig --set facs.hardware_signature=0x1a2b3c4d --set PSCI_VERSION=1.0'],
])('%s', async (name, line) => {
  const ran = await runCommand(
    line.split(' ').map(word => (word.endsWith('.mig') ? join(folder, word) : word)),
    { columns: 100 },
  )
  expect(ran.status).toBe(0)
  const text = `$ psci-snap ${line}\n${ran.stdout.replaceAll(`${folder}/`, '')}`
  await expect(text).toMatchFileSnapshot(`golden/${name}.txt`)
})

test('as JSON', async () => {
  const ran = await runCommand(['inspect', join(folder, 'guest.mig'), '--acpi', '--json'])
  const { acpi } = JSON.parse(ran.stdout)
  const wakes = { length: 64, version: 0, wakingVector: '0x0', xWakingVector: '0x40080000', flags: '0x0' }
  expect(acpi).toMatchObject({
    memory: [{ address: '0x40000018', hardwareReduced: true, facs: { address: '0x40003040', hardwareSignature: '0x11223344', ...wakes } }],
    carried: [{ device: TABLES, facs: [{ address: '0x0', hardwareSignature: '0x11223344', linked: true }] }],
    candidates: [{ address: '0x40003080', hardwareSignature: '0x55667788' }],
  })
  const without = await runCommand(['inspect', join(folder, 'guest.mig'), '--json'])
  expect(JSON.parse(without.stdout)).not.toHaveProperty('acpi')
})
