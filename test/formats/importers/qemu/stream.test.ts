// Streams as no sample has them: other kinds of pages, other page sizes, sections without a description, and streams that are none.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SnapError } from '../../../../src/errors.ts'
import { pickImporter } from '../../../../src/formats/importers/importer.ts'
import { qemu } from '../../../../src/formats/importers/qemu/importer.ts'
import { applyXbzrle } from '../../../../src/formats/importers/qemu/xbzrle.ts'
import { IMPORTERS } from '../../../../src/formats/importers/registry.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { spool } from '../../../../src/formats/source/spool.ts'
import { registerEntries } from '../../../../src/model/register-list.ts'
import type { MemoryRegion, Snapshot } from '../../../../src/model/snapshot.ts'
import { libvirtImage } from './make-containers.ts'
import { makeMapped, makeStream, type PageSpec } from './make-stream.ts'

const read = (bytes: Uint8Array) => qemu.read(bytesSource(bytes, 'a.mig'))

async function contents(region: MemoryRegion): Promise<Uint8Array> {
  const out = new Uint8Array(region.size)
  let end = 0
  for await (const { offset, data } of region.chunks()) {
    expect(offset).toBeGreaterThanOrEqual(end)
    expect(data.length).toBeLessThanOrEqual(1 << 20)
    out.set(data, offset)
    end = offset + data.length
  }
  return out
}

/** All that a snapshot says, memory included, for comparing. */
async function everything({ vcpus, devices, memory, ...rest }: Snapshot): Promise<unknown> {
  const pages = []
  for (const region of memory) pages.push([region.name, region.start, region.size, region.present, Buffer.from(await contents(region)).toString('base64')])
  return [rest, vcpus.map(({ registers, ...vcpu }) => [vcpu, [...registerEntries(registers)]]), devices, pages]
}

describe('guest memory', () => {
  const size = 1 << 12
  const filled = (byte: number, bytes = size) => new Uint8Array(bytes).fill(byte)
  const anyPage = (block: string, pages: number, bytes: number): fc.Arbitrary<PageSpec> =>
    fc.oneof(
      fc.record({ kind: fc.constant('zero' as const), block: fc.constant(block), page: fc.nat(pages - 1), fill: fc.constantFrom(0, 0, 7) }),
      fc.record({
        kind: fc.constantFrom('plain' as const, 'deflated' as const),
        block: fc.constant(block),
        page: fc.nat(pages - 1),
        data: fc.nat(255).map(byte => filled(byte, bytes)),
      }),
      fc
        .tuple(fc.nat(pages - 1), fc.nat(bytes - 20), fc.uint8Array({ minLength: 1, maxLength: 20 }))
        .map(([page, at, data]) => ({ kind: 'xbzrle' as const, block, page, delta: Uint8Array.of(...leb(at), data.length, ...data) })),
    )
  const leb = (n: number) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7])

  test('every kind of page, in any order and as often as one likes: the last one counts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(10, 12),
        fc.array(fc.array(fc.oneof(anyPage('mach-virt.ram', 40, 1024), anyPage('virt.flash0', 3, 1024)), { maxLength: 20 }), { minLength: 1, maxLength: 4 }),
        async (pageBits, lists) => {
          const bytes = 1 << pageBits
          const parts = lists.map(list => list.map(page => ('data' in page ? { ...page, data: filled(page.data[0] ?? 0, bytes) } : page)))
          const blocks = [
            { name: 'mach-virt.ram', size: 40 * bytes },
            { name: 'virt.flash0', size: 3 * bytes },
          ]
          const wanted = new Map(blocks.map(block => [block.name, new Uint8Array(block.size)]))
          for (const page of parts.flat()) {
            const target = wanted.get(page.block)!.subarray(page.page * bytes, (page.page + 1) * bytes)
            if (page.kind === 'zero') target.fill(page.fill ?? 0)
            else if (page.kind === 'xbzrle') expect(applyXbzrle(target, page.delta)).toBe(true)
            else target.set(page.data)
          }
          const { snapshot } = await read(makeStream({ pageBits, blocks, parts }))
          expect(snapshot.memory.map(({ name, start }) => [name, start])).toEqual([
            ['virt.flash0', 0n],
            ['mach-virt.ram', 0x4000_0000n],
          ])
          for (const region of snapshot.memory) expect(Buffer.compare(await contents(region), wanted.get(region.name)!), region.name).toBe(0)
        },
      ),
      { seed: 12, numRuns: 60 },
    )
  })

  test('a page that is sent again as zeros is not present', async () => {
    const page = { block: 'mach-virt.ram', page: 1 }
    const blocks = [{ name: 'mach-virt.ram', size: 4 * size }]
    const { snapshot } = await read(makeStream({ pageBits: 12, blocks, parts: [[{ kind: 'plain', ...page, data: filled(1) }], [{ kind: 'zero', ...page }]] }))
    expect(snapshot.memory[0]?.present).toBe(0)
    expect(await contents(snapshot.memory[0]!)).toEqual(new Uint8Array(4 * size))
  })

  test('mapped-ram is read by its bitmap, from offsets in the file wherever the stream begins', async () => {
    const pages = [0, 1, 300, 511].map(page => ({ page, data: filled(page % 255) }))
    const size = 512 << 12
    for (const head of [new Uint8Array(0), libvirtImage(new Uint8Array(0), 6)]) {
      const { pieces, size: end } = makeMapped(size, pages, head.length)
      const file = new Uint8Array(end)
      file.set(head)
      for (const { offset, bytes } of pieces) file.set(bytes, offset)
      const { snapshot } = await read(file)
      expect(snapshot.vcpus).toHaveLength(1)
      expect(snapshot.memory[0]).toMatchObject({ name: 'mach-virt.ram', size, present: 4 * 4096 })
      const got = await contents(snapshot.memory[0]!)
      for (const { page, data } of pages) expect(got.subarray(page << 12, (page + 1) << 12)).toEqual(data)
      expect(got.filter(byte => byte !== 0).length).toBe(3 * 4096) // page 0 holds zeros
    }
  })

  test('blocks whose place is not known are devices, and one backend is taken to be the RAM', async () => {
    const blocks = [
      { name: '/objects/mem0', size: 1 << 20 },
      { name: '/rom@etc/acpi/tables', size: size },
      { name: '0000:00:02.0/vga.vram', size: 1 << 20 },
    ]
    const parts: PageSpec[][] = [[{ kind: 'plain', block: '/rom@etc/acpi/tables', page: 0, data: filled(3) }]]
    const { snapshot, findings } = await read(makeStream({ pageBits: 12, blocks, parts }))
    expect(snapshot.memory.map(({ name, start }) => [name, start])).toEqual([['/objects/mem0', 0x4000_0000n]])
    expect(findings.map(({ code }) => code)).toContain('memory-address-assumed')
    expect(snapshot.devices.find(({ name }) => name === '/rom@etc/acpi/tables')?.state).toEqual({ size, present: size, bytes: filled(3) })
    const two = await read(
      makeStream({
        blocks: [
          { name: 'ram-node0', size: 1 << 20 },
          { name: 'ram-node1', size: 1 << 20 },
        ],
        parts: [[]],
      }),
    )
    expect(two.snapshot.memory).toEqual([])
    expect(two.findings.map(({ code }) => code)).toContain('memory-address-unknown')
  })

  test.each<[string, PageSpec]>([
    ['a page outside its block', { kind: 'zero', block: 'mach-virt.ram', page: 8 }],
    ['a page of an unknown block', { kind: 'zero', block: 'nowhere', page: 0 }],
  ])('%s is refused', async (_, page) => {
    await expect(read(makeStream({ parts: [[page]] }))).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
  })

  test('a delta that does not fit its page, and a packed page that is none, fail when memory is read', async () => {
    const bad: PageSpec[] = [
      { kind: 'xbzrle', block: 'mach-virt.ram', page: 0, delta: Uint8Array.of(0xff, 0x7f, 1, 1) },
      { kind: 'deflated', block: 'mach-virt.ram', page: 0, data: new Uint8Array(1023) },
    ]
    for (const page of bad) {
      const { snapshot } = await read(makeStream({ parts: [[page]] }))
      await expect(contents(snapshot.memory.at(-1)!)).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
    }
  })
})

describe('sections', () => {
  const unknown = Uint8Array.of(0, 0, 0, 1, 0x7e, 0, 0, 0, 50, 9, 9, 9) // holds its own footer, with nothing that can follow

  test('one that nobody knows is decoded by its description, else kept by its footer', async () => {
    const described = await read(makeStream({ unknown }))
    const device = (state: Awaited<ReturnType<typeof read>>) => state.snapshot.devices.find(({ kind }) => kind === '0000:00:01.0/thing')?.state
    expect(device(described)).toEqual({ version: 1, size: 1, rest: unknown.slice(4) })
    const plain = await read(makeStream({ unknown, describe: false }))
    expect(device(plain)).toEqual({ version: 1, bytes: unknown })
    expect(plain.findings.map(({ code }) => code)).toContain('section-not-decoded')
  })

  test('a part of the vCPU section that is not known ends what is decoded of it, and is said', async () => {
    const cpuTail = Uint8Array.from(Buffer.from('\x05\x0acpu/future\x00\x00\x00\x01abcd', 'latin1'))
    const { snapshot, findings } = await read(makeStream({ cpuTail, describe: false }))
    expect(snapshot.vcpus[0]?.registers.ids).toContain(0x6040_0000_0010_0054n)
    expect(findings).toContainEqual(expect.objectContaining({ code: 'section-not-decoded', vcpu: 0 }))
  })

  test('a machine type without footers is read as long as every section is known or described', async () => {
    const { snapshot } = await read(makeStream({ footers: false }))
    expect(snapshot.vcpus).toHaveLength(1)
    await expect(read(makeStream({ footers: false, unknown, describe: false }))).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
  })

  test('a vCPU that is off is stopped', async () => {
    const { snapshot } = await read(makeStream({ vcpus: 3, offCpu: 1 }))
    expect(snapshot.vcpus.map(({ mpState }) => mpState)).toEqual(['runnable', 'stopped', 'runnable'])
  })

  test('another architecture is refused by name, and what is newer as too new', async () => {
    await expect(read(makeStream({ machine: 'pc-q35-9.0' }))).rejects.toMatchObject({ code: 'FORMAT_FOREIGN' })
    const bytes = makeStream()
    const version = Buffer.from(bytes).indexOf('\x03cpu', 0, 'latin1') + 4 + 4 + 3
    bytes[version] = 23
    await expect(read(bytes)).rejects.toMatchObject({ code: 'FORMAT_TOO_NEW' })
    bytes[version] = 12
    await expect(read(bytes)).rejects.toMatchObject({ code: 'FORMAT_FOREIGN' })
    await expect(read(Uint8Array.from(Buffer.from('QEVM\0\0\0\x04........')))).rejects.toMatchObject({ code: 'FORMAT_TOO_NEW' })
    await expect(read(Uint8Array.from(Buffer.from('QEVM\0\0\0\x02........')))).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
  })

  test('a postcopy stream is refused with what to do', async () => {
    const bytes = Buffer.concat([Buffer.from('QEVM\0\0\0\x03\x08\0\x07\0\x04\0\0\0\0', 'latin1')])
    await expect(read(bytes)).rejects.toMatchObject({ code: 'INPUT_CORRUPT', hint: expect.stringContaining('postcopy') })
  })

  test('padding behind the stream is no matter', async () => {
    const { snapshot, findings } = await read(Buffer.concat([makeStream({ unknown }), new Uint8Array(100_000)]))
    expect(snapshot.devices.find(({ kind }) => kind === '0000:00:01.0/thing')?.state).toMatchObject({ size: 1 })
    expect(findings.map(({ code }) => code)).not.toContain('section-not-decoded')
  })
})

describe('damage', () => {
  const stream = makeStream({ vcpus: 2, unknown: new Uint8Array(40).fill(5) })

  test('cut at any byte it is refused with the place, or it is the whole stream', async () => {
    const whole = await everything((await read(stream)).snapshot)
    const eof = Buffer.from(stream).lastIndexOf('{"page_size"') - 5
    for (let length = 1; length <= stream.length; length++) {
      const cut = stream.subarray(0, length)
      try {
        const { snapshot } = await read(cut)
        // Without its description (or with half of one, which is refused) the state is whole all the same.
        expect(length === stream.length || length === eof, `cut at ${length}`).toBe(true)
        if (length === stream.length) expect(await everything(snapshot)).toEqual(whole)
      } catch (error) {
        expect(error, `cut at ${length}: ${error}`).toBeInstanceOf(SnapError)
        expect((error as SnapError).at).toMatchObject({ file: 'a.mig', offset: expect.any(Number) })
      }
    }
  })

  test('from a stream that gives one byte at a time it is the same', async () => {
    async function* bytes() {
      for (const byte of stream) yield Uint8Array.of(byte)
    }
    const source = await spool(bytes(), 'a.mig')
    const importer = await pickImporter(source, IMPORTERS)
    expect(await everything((await importer.read(source)).snapshot)).toEqual(await everything((await read(stream)).snapshot))
  })

  test('sniffing any bytes never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('', 'QEVM', 'QFI\xfb', 'LibvirtQemudSave'), (bytes, magic) => {
        qemu.sniff(Buffer.concat([Buffer.from(magic, 'latin1'), bytes]))
      }),
      { seed: 4 },
    )
  })
})
