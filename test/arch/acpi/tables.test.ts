// ACPI structures that tests made after the specification, whole, short, spoiled.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { carriedFacs, carriedTables, loaderPointers } from '../../../src/arch/acpi/carried.ts'
import {
  FADT,
  hardwareSignatureBytes,
  parseFacs,
  parseFadt,
  parseRsdp,
  parseTableHeader,
  rootEntries,
  setChecksum,
  sumsToZero,
  withoutPlace,
} from '../../../src/arch/acpi/tables.ts'
import { acpiTable, facs, fadt, loaderScript, rsdp, tableBlob } from '../../ops/find/guest-tables.ts'

describe('RSDP', () => {
  test('revision 2: XSDT, both checksums', () => {
    expect(parseRsdp(rsdp(0x1234_5678_9abcn))).toEqual({ revision: 2, length: 36, oem: 'BOCHS', rsdt: 0n, xsdt: 0x1234_5678_9abcn, checksumOk: true })
  })
  test.each([9, 16, 24, 33])('a wrong byte %i is a wrong checksum', at => {
    const bytes = rsdp(0x1000n)
    bytes[at] = (bytes[at] ?? 0) + 1
    expect(parseRsdp(bytes)?.checksumOk).toBe(false)
  })
  test('revision 0 has 20 bytes and an RSDT', () => {
    const old = Buffer.alloc(20)
    old.write('RSD PTR ', 'latin1')
    old.writeUInt32LE(0xabc0, 16)
    setChecksum(old, 8)
    expect(parseRsdp(old)).toMatchObject({ revision: 0, length: 20, rsdt: 0xabc0n, xsdt: 0n, checksumOk: true })
  })
  test('too short, or another signature', () => {
    expect(parseRsdp(rsdp(0n).subarray(0, 19))).toBeUndefined()
    expect(parseRsdp(facs(1))).toBeUndefined()
  })
})

test('XSDT and RSDT: whole entries only', () => {
  expect(rootEntries(acpiTable('XSDT', Buffer.from('0100000000000000ffffffffffffffff00', 'hex')))).toEqual([1n, 0xffff_ffff_ffff_ffffn])
  expect(rootEntries(acpiTable('RSDT', Buffer.from('01000000ffffffff0000', 'hex')))).toEqual([1n, 0xffff_ffffn])
  expect(rootEntries(acpiTable('FACP', new Uint8Array(64)))).toBeUndefined()
})

describe('FADT', () => {
  test('the 64-bit pointer wins where it is not zero', () => {
    const bytes = fadt(0x1_0000_0000n, 3)
    bytes.writeUInt32LE(0x7000, FADT.firmwareCtrl)
    expect(parseFadt(bytes)).toMatchObject({ facs: 0x1_0000_0000n, psci: { compliant: true, conduit: 'hvc' }, hardwareReduced: false })
    bytes.writeBigUInt64LE(0n, FADT.xFirmwareCtrl)
    expect(parseFadt(bytes).facs).toBe(0x7000n)
  })
  test('hardware-reduced, SMC', () => {
    const bytes = fadt(0n, 1)
    bytes.writeUInt32LE(1 << 20, FADT.flags)
    expect(parseFadt(bytes)).toMatchObject({ facs: 0n, hardwareReduced: true, psci: { compliant: true, conduit: 'smc' } })
  })
  test('one of ACPI 1.0 ends before the 64-bit pointers', () => {
    const bytes = acpiTable('FACP', Buffer.concat([Buffer.from('00700000', 'hex'), Buffer.alloc(76)]))
    expect(parseFadt(bytes)).toEqual({ dsdt: 0n, facs: 0x7000n, hardwareReduced: false })
  })
})

describe('FACS', () => {
  test('its fields', () => {
    const bytes = facs(0xdead_beef)
    bytes.writeUInt32LE(0x11, 12)
    bytes.writeUInt32LE(2, 20)
    bytes.writeBigUInt64LE(0x22n, 24)
    bytes[32] = 2
    expect(parseFacs(bytes)).toEqual({ length: 64, hardwareSignature: 0xdead_beef, wakingVector: 0x11, flags: 2, xWakingVector: 0x22n, version: 2 })
  })
  test.each([0, 63, 4097, 0xffff_ffff])('a length of %i is none', length => {
    const bytes = facs(1)
    bytes.writeUInt32LE(length, 4)
    expect(parseFacs(bytes)).toBeUndefined()
  })
  test('a hardware signature in memory order', () => {
    expect([...hardwareSignatureBytes(0x1234_abcd)]).toEqual([0xcd, 0xab, 0x34, 0x12])
  })
})

test('a checksum that is set is right, wherever it stands', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 10, maxLength: 100 }), fc.nat(9), (bytes, at) => {
      setChecksum(bytes, at)
      expect(sumsToZero(bytes)).toBe(true)
    }),
    { seed: 7, numRuns: 300 },
  )
})

test('a table is the same bytes wherever it stands', () => {
  expect(withoutPlace(fadt(0x1000n, 3))).toEqual(withoutPlace(fadt(0x2_0000_0000n, 3)))
  expect(withoutPlace(fadt(0x1000n, 3))).not.toEqual(withoutPlace(fadt(0x1000n, 1)))
  const table = acpiTable('DSDT', Buffer.from('one'))
  const unsummed = Uint8Array.from(table)
  unsummed[9] = 0
  expect(withoutPlace(table)).toEqual(withoutPlace(unsummed))
  expect(withoutPlace(table)).not.toEqual(withoutPlace(acpiTable('DSDT', Buffer.from('two'))))
})

describe('as a VMM carries them', () => {
  const blob = tableBlob(0x1122_3344)
  test('the tables of a blob, and the FACS that its FADT leads to by the script', () => {
    expect(carriedTables(blob).map(({ signature, offset }) => [signature, offset])).toEqual([
      ['FACS', 0],
      ['DSDT', 64],
      ['FACP', 164],
    ])
    const pointers = loaderPointers(loaderScript([{ file: 'etc/acpi/tables', source: 'etc/acpi/tables', offset: 164 + FADT.firmwareCtrl, size: 4 }]))
    expect(carriedFacs('etc/acpi/tables', blob, pointers)).toMatchObject([{ offset: 0, linked: true, facs: { hardwareSignature: 0x1122_3344 } }])
  })
  test.each([
    ['no script', []],
    ['a pointer to something else', [{ file: 'etc/acpi/tables', source: 'etc/acpi/tables', offset: 164 + FADT.dsdt, size: 4 }]],
    ['one into another blob', [{ file: 'etc/acpi/tables', source: 'etc/other', offset: 164 + FADT.firmwareCtrl, size: 4 }]],
  ])('%s: a FACS that no table leads to', (_, list) => {
    expect(carriedFacs('etc/acpi/tables', blob, loaderPointers(loaderScript(list)))).toMatchObject([{ offset: 0, linked: false }])
  })
})

test('spoiled bytes are read as something or as nothing, never worse', () => {
  const script = loaderScript([{ file: 'a', source: 'a', offset: 4, size: 4 }])
  const whole = [rsdp(1n), fadt(2n, 3), facs(3), acpiTable('XSDT', new Uint8Array(16)), Buffer.from(tableBlob(4)), Buffer.from(script)]
  fc.assert(
    fc.property(fc.constantFrom(...whole), fc.nat(700), fc.nat(255), fc.nat(700), (from, where, value, length) => {
      const bytes = Uint8Array.from(from.subarray(0, length))
      if (where < bytes.length) bytes[where] = value
      parseRsdp(bytes)
      parseTableHeader(bytes)
      rootEntries(bytes)
      parseFadt(bytes)
      parseFacs(bytes)
      for (const table of carriedTables(bytes)) expect(table.offset + table.length).toBeLessThanOrEqual(bytes.length)
      carriedFacs('a', bytes, loaderPointers(bytes))
      carriedFacs('a', bytes, loaderPointers(script))
    }),
    { seed: 8, numRuns: 4000 },
  )
})
