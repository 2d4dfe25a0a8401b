// The hardware signature of a FACS set in files: every copy, no other byte, however the page is stored.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { writeSnapshotFile } from '../../src/formats/exporters.ts'
import { RELEASES } from '../../src/formats/importers/firecracker/releases.ts'
import { makeXbzrle } from '../../src/formats/importers/qemu/xbzrle.ts'
import { bytesRegion } from '../../src/model/memory.ts'
import { diff } from '../../src/ops/diff.ts'
import { edit, parseSet } from '../../src/ops/edit.ts'
import { inspect } from '../../src/ops/inspect.ts'
import { saveSnapshot } from '../../src/ops/save.ts'
import { signature } from '../../src/ops/signature/signature.ts'
import { verify } from '../../src/ops/verify.ts'
import { makeSnapshot } from '../formats/importers/cloud-hypervisor/make-snapshot.ts'
import { makeVmstate } from '../formats/importers/firecracker/make-vmstate.ts'
import { makeMapped, makeStream, type PageSpec } from '../formats/importers/qemu/make-stream.ts'
import { acpiTable, facs, fadt, loaderScript, rsdp, tableBlob } from './find/guest-tables.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-facs-'))
const at = (name: string): string => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const START = 0x4000_0000n
const PAGE = 4096
const XSDT = START + 0x1000n
const set = (value: string) => ({ steps: [parseSet(`facs.hardware_signature=${value}`)], overwrite: true })

/** Four pages: RSDP, XSDT, FADT, and the FACS at 0x40 of the last. */
function pages(hardwareSignature: number): readonly Uint8Array[] {
  const entry = Buffer.alloc(8)
  entry.writeBigUInt64LE(START + 0x2000n)
  const parts = [rsdp(XSDT), acpiTable('XSDT', entry), fadt(START + 0x3040n, 3), facs(hardwareSignature)]
  return parts.map((part, i) => {
    const page = new Uint8Array(PAGE).fill(i === 3 ? 0x5a : 0)
    page.set(part, i === 0 ? 0x18 : i === 3 ? 0x40 : 0)
    return page
  })
}
const BLOCK = 'mach-virt.ram'
const plain = (list: readonly Uint8Array[], block = BLOCK): readonly PageSpec[] => list.map((data, page) => ({ kind: 'plain', block, page, data }))

async function signaturesIn(file: string): Promise<readonly (string | undefined)[]> {
  const { acpi } = await inspect(file, { acpi: true })
  return [
    ...(acpi?.memory.map(found => found.facs?.hardwareSignature) ?? []),
    ...(acpi?.carried.flatMap(each => each.facs.map(one => one.hardwareSignature)) ?? []),
  ]
}
function differences(a: Uint8Array, b: Uint8Array): readonly number[] {
  const places: number[] = []
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (a[i] !== b[i]) places.push(i)
  return places
}

describe('archive', () => {
  test('four bytes of memory change, and nothing else; there and back is the same file', async () => {
    const { snapshot } = await saveSnapshot({ build: 'linux-7.3' })
    const memory = [bytesRegion('ram', START, new Uint8Array(Buffer.concat(pages(0x1111_1111))))]
    await writeSnapshotFile({ ...snapshot, stop: 'hibernated', memory }, at('a.psnap'))
    const report = await edit(at('a.psnap'), at('b.psnap'), set('0xDEADBEEF'))
    expect(report.tables).toEqual([{ name: 'facs.hardware_signature', holder: 'ram', address: '0x40003040', before: '0x11111111', after: '0xdeadbeef' }])
    expect(report.vcpus).toEqual([])
    expect(await signaturesIn(at('b.psnap'))).toEqual(['0xdeadbeef'])
    expect((await verify(at('b.psnap'))).valid).toBe(true)
    const { changes } = await diff(at('a.psnap'), at('b.psnap'), { memory: true })
    expect(changes).toMatchObject([{ kind: 'memory', name: '0x40003000-0x40003fff', pages: 1 }])
    await edit(at('b.psnap'), at('c.psnap'), set('0x11111111'))
    expect(readFileSync(at('c.psnap')).equals(readFileSync(at('a.psnap')))).toBe(true)
  })

  test('auto is what `signature` prints, before and after: the FACS is no part of it', async () => {
    const { hardwareSignature } = (await signature(at('a.psnap'), {})) as { hardwareSignature: string }
    await edit(at('a.psnap'), at('auto.psnap'), set('auto'))
    expect(await signaturesIn(at('auto.psnap'))).toEqual([hardwareSignature])
    expect(await signature(at('auto.psnap'), {})).toMatchObject({ hardwareSignature })
    const again = await edit(at('auto.psnap'), at('again.psnap'), set('auto'))
    expect(again.tables).toEqual([])
    expect(again.findings.map(({ code }) => code)).toContain('nothing-changed')
    expect(readFileSync(at('again.psnap')).equals(readFileSync(at('auto.psnap')))).toBe(true)
  })

  test('together with a register', async () => {
    const report = await edit(at('a.psnap'), at('both.psnap'), { steps: [...set('5').steps, parseSet('PSCI_VERSION=1.1')], overwrite: true })
    expect(report.tables).toHaveLength(1)
    expect(report.vcpus).toHaveLength(2)
    expect(await signaturesIn(at('both.psnap'))).toEqual(['0x00000005'])
    expect((await inspect(at('both.psnap'))).psci.version).toBe('1.1')
  })
})

describe('QEMU stream', () => {
  const stream = (parts: readonly (readonly PageSpec[])[], blocks: readonly { name: string; size: number }[] = []) =>
    makeStream({ pageBits: 12, blocks: [{ name: BLOCK, size: 16 * PAGE }, ...blocks], parts })
  const roundTrip = async (bytes: Uint8Array, value: string) => {
    writeFileSync(at('s.mig'), bytes)
    const report = await edit(at('s.mig'), at('t.mig'), set(value))
    return { report, after: new Uint8Array(readFileSync(at('t.mig'))) }
  }

  test('a plain page: four bytes, where its last copy stands', async () => {
    const bytes = stream([plain(pages(0x2222_2222)), plain(pages(0x1111_1111))])
    const { report, after } = await roundTrip(bytes, '0xdeadbeef')
    expect(report.tables).toMatchObject([{ holder: BLOCK, before: '0x11111111' }])
    const places = differences(bytes, after)
    expect(places).toHaveLength(4)
    expect(places[0]).toBeGreaterThan(bytes.length / 2)
    expect(await signaturesIn(at('t.mig'))).toEqual(['0xdeadbeef'])
  })

  test('a compressed page is compressed again', async () => {
    const [a, b, c, d] = pages(0x1111_1111) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const bytes = stream([[...plain([a, b, c]), { kind: 'deflated', block: BLOCK, page: 3, data: d }]])
    await roundTrip(bytes, '0xdeadbeef')
    expect(await signaturesIn(at('t.mig'))).toEqual(['0xdeadbeef'])
    const { snapshotPage } = await pageOf(at('t.mig'))
    expect(snapshotPage).toBe(Buffer.from(pages(0xdead_beef)[3]!).toString('hex'))
  })

  test('a page that is a change of an earlier one stays that', async () => {
    const old = pages(0x2222_2222)
    const now = Uint8Array.from(pages(0x1111_1111)[3]!)
    now[4000] = 1
    const bytes = stream([plain(old), [{ kind: 'xbzrle', block: BLOCK, page: 3, delta: makeXbzrle(old[3]!, now) }]])
    await roundTrip(bytes, '0xdeadbeef')
    const expected = Uint8Array.from(pages(0xdead_beef)[3]!)
    expected[4000] = 1
    expect((await pageOf(at('t.mig'))).snapshotPage).toBe(Buffer.from(expected).toString('hex'))
    // back to what the page was before: the change no longer names these bytes
    await edit(at('t.mig'), at('u.mig'), set('0x22222222'))
    expect(await signaturesIn(at('u.mig'))).toEqual(['0x22222222'])
    await edit(at('t.mig'), at('v.mig'), set('0x11111111'))
    expect(differences(bytes, new Uint8Array(readFileSync(at('v.mig'))))).toEqual([])
  })

  test('mapped-ram: four bytes at their place', async () => {
    const { pieces, size } = makeMapped(
      64 * PAGE,
      pages(0x1111_1111).map((data, page) => ({ page, data })),
    )
    const bytes = new Uint8Array(size)
    for (const { offset, bytes: piece } of pieces) bytes.set(piece, offset)
    const { after } = await roundTrip(bytes, '0xdeadbeef')
    expect(differences(bytes, after)).toHaveLength(4)
    expect(await signaturesIn(at('t.mig'))).toEqual(['0xdeadbeef'])
  })

  test('what QEMU keeps for firmware is set with it: the guest reads it at its next boot', async () => {
    const blob = new Uint8Array(PAGE)
    blob.set(tableBlob(0x1111_1111))
    const script = new Uint8Array(PAGE)
    script.set(loaderScript([{ file: 'etc/acpi/tables', source: 'etc/acpi/tables', offset: 164 + 36, size: 4 }]))
    const [tables, loader] = ['/rom@etc/acpi/tables', '/rom@etc/table-loader']
    const bytes = stream(
      [[...plain(pages(0x1111_1111)), ...plain([blob], tables), ...plain([script], loader)]],
      [
        { name: tables, size: PAGE },
        { name: loader, size: PAGE },
      ],
    )
    const { report, after } = await roundTrip(bytes, '0xdeadbeef')
    expect(report.tables?.map(({ holder, address }) => [holder, address])).toEqual([
      [BLOCK, '0x40003040'],
      [tables, '0x0'],
    ])
    expect(differences(bytes, after)).toHaveLength(8)
    expect(await signaturesIn(at('t.mig'))).toEqual(['0xdeadbeef', '0xdeadbeef'])
  })

  async function pageOf(file: string): Promise<{ readonly snapshotPage: string }> {
    const { bytes } = await inspect(file, { memory: { address: START + 0x3000n, length: PAGE } })
    return { snapshotPage: bytes?.hex ?? '' }
  }
})

describe('memory in a file of its own', () => {
  const image = Buffer.concat(pages(0x1111_1111))

  test('Cloud Hypervisor: four bytes of memory-ranges, and state.json as it is', async () => {
    const files = makeSnapshot({ layout: 'v53', vcpus: [{ system: [] }], memory: [{ gpa: START, bytes: new Uint8Array(image) }] })
    mkdirSync(at('ch'))
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(at('ch'), name), bytes)
    await expect(edit(at('ch'), at('state.json'), set('0xdeadbeef'))).rejects.toMatchObject({ code: 'USAGE', message: expect.stringMatching(/memory-ranges/) })
    const report = await edit(at('ch'), at('state.json'), { ...set('0xdeadbeef'), memoryOutput: at('memory-ranges') })
    expect(report).toMatchObject({ memoryOutput: at('memory-ranges'), tables: [{ address: '0x40003040', after: '0xdeadbeef' }] })
    expect(readFileSync(at('state.json')).equals(readFileSync(join(at('ch'), 'state.json')))).toBe(true)
    expect(differences(image, readFileSync(at('memory-ranges')))).toEqual([0x3048, 0x3049, 0x304a, 0x304b])
    await expect(edit(at('ch'), at('s2.json'), { ...set('1'), memoryOutput: join(at('ch'), 'memory-ranges') })).rejects.toMatchObject({ code: 'USAGE' })
    expect(existsSync(at('s2.json'))).toBe(false)
  })

  test('Firecracker: with the memory file that the user names', async () => {
    const memory = [{ baseAddress: START, size: BigInt(image.length), regionType: 'Dram', plugged: [true] }]
    writeFileSync(at('fc.vmstate'), makeVmstate(RELEASES.at(-1)!, { vcpus: [[[0x6030_0000_0014_0000n, 0x1_0003n]]], memory }))
    writeFileSync(at('fc.mem'), image)
    await expect(edit(at('fc.vmstate'), at('fc2.vmstate'), set('2'))).rejects.toMatchObject({ code: 'FORMAT_UNWRITABLE' })
    const named = { ...set('2'), memoryFiles: [at('fc.mem')] }
    await edit(at('fc.vmstate'), at('fc2.vmstate'), { ...named, memoryOutput: at('fc2.mem') })
    expect(differences(image, readFileSync(at('fc2.mem')))).toEqual([0x3048, 0x3049, 0x304a, 0x304b])
    expect(readFileSync(at('fc2.vmstate')).equals(readFileSync(at('fc.vmstate')))).toBe(true)
    const diffs = { ...named, memoryFiles: [at('fc.mem'), at('fc2.mem')], memoryOutput: at('x.mem') }
    await expect(edit(at('fc.vmstate'), at('x.vmstate'), diffs)).rejects.toMatchObject({
      code: 'FORMAT_UNWRITABLE',
      message: expect.stringMatching(/one file/),
    })
    expect(existsSync(at('x.mem'))).toBe(false)
  })

  test('an output that exists: neither file is written', async () => {
    const request = { ...set('3'), overwrite: false, memoryFiles: [at('fc.mem')], memoryOutput: at('new.mem') }
    await expect(edit(at('fc.vmstate'), at('fc2.vmstate'), request)).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' })
    expect(existsSync(at('new.mem'))).toBe(false)
  })
  test('nothing in memory is set', async () => {
    const request = { steps: [parseSet('PSCI_VERSION=1.1')], memoryOutput: at('no.mem') }
    await expect(edit(at('a.psnap'), at('no.psnap'), request)).rejects.toMatchObject({ code: 'USAGE' })
  })
})

describe('refusals', () => {
  const refused = (file: string, value = '1') => expect(edit(at(file), at('x'), set(value))).rejects
  test('no memory', async () => {
    const { snapshot } = await saveSnapshot({ build: 'linux-7.3' })
    await writeSnapshotFile({ ...snapshot, memory: [] }, at('none.psnap'))
    await refused('none.psnap').toMatchObject({ code: 'FACS_ABSENT', message: expect.stringMatching(/holds no guest memory/) })
  })
  test('a register list', async () => {
    const { snapshot } = await saveSnapshot({ build: 'linux-7.3' })
    await writeSnapshotFile(snapshot, at('list.json'))
    await refused('list.json').toMatchObject({ code: 'FORMAT_UNWRITABLE', message: expect.stringMatching(/kvm-reglist/) })
  })
  test('tables without a FACS; a FACS without tables', async () => {
    const { snapshot } = await saveSnapshot({ build: 'linux-7.3' })
    const bytes = Buffer.concat(pages(1))
    const without = Uint8Array.from(bytes)
    without.fill(0, 0x3000)
    await writeSnapshotFile({ ...snapshot, memory: [bytesRegion('ram', START, without)] }, at('without.psnap'))
    await refused('without.psnap').toMatchObject({ code: 'FACS_ABSENT', message: expect.stringMatching(/lead to none/) })
    const alone = Uint8Array.from(bytes)
    alone.fill(0, 0, 0x3000)
    await writeSnapshotFile({ ...snapshot, memory: [bytesRegion('ram', START, alone)] }, at('alone.psnap'))
    await refused('alone.psnap').toMatchObject({ code: 'FACS_ABSENT', message: expect.stringMatching(/0x40003040 is reached from no table/) })
  })
  test('another field of the FACS', () => {
    expect(() => parseSet('facs.flags=1')).toThrow(/is not set/)
  })
  test.each(['', 'x', '-1', '0x100000000', '4294967296', '1.5', 'auto1', '0x'])('%j is no hardware signature', value => {
    expect(() => parseSet(`facs.hardware_signature=${value}`)).toThrow(value === '' ? /REG=VALUE/ : /32 bits/)
  })
})
