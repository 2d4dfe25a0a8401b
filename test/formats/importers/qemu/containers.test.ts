// What holds a QEMU stream: qcow2 snapshots, libvirt save images, compression.
import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readDomain } from '../../../../src/formats/importers/qemu/domain-xml.ts'
import { qemu } from '../../../../src/formats/importers/qemu/importer.ts'
import { openQcow2State } from '../../../../src/formats/importers/qemu/qcow2.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { registerEntries } from '../../../../src/model/register-list.ts'
import { DOMAIN, libvirtImage, qcow2Image } from './make-containers.ts'
import { makeStream } from './make-stream.ts'
import { ENTRIES, hasSamples, readSample } from './samples.ts'

const stream = makeStream({ vcpus: 2 })
const read = (bytes: Uint8Array) => qemu.read(bytesSource(bytes, 'in'))
const registersOf = async (bytes: Uint8Array) => (await read(bytes)).snapshot.vcpus.map(({ registers }) => [...registerEntries(registers)])
const has = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: ['ignore', 'ignore', 'ignore'] })
    return true
  } catch {
    console.log(`skipped: ${program} is not on this machine`)
    return false
  }
}

describe('libvirt save images', () => {
  test('domain XML names CPU, accelerator and topology', async () => {
    const { snapshot, format } = await read(libvirtImage(stream, 0, { cookie: '<cookie/>' }))
    expect(format).toEqual({ id: 'qemu', version: '3 in a libvirt save image, raw' })
    expect(snapshot.origin.cpu).toBe('neoverse-n1')
    expect(snapshot.devices.find(({ kind }) => kind === 'libvirt-domain')?.state).toEqual({
      type: 'kvm',
      name: 'guest & co',
      vcpus: 4,
      arch: 'aarch64',
      machine: 'virt-9.0',
      gicVersion: '3',
      cpuMode: 'custom',
      cpuModel: 'neoverse-n1',
      topology: { sockets: 1, cores: 2, threads: 2 },
      wasRunning: true,
      xml: DOMAIN,
      cookie: '<cookie/>',
    })
  })

  test('in either byte order, of both versions', async () => {
    const wanted = await registersOf(stream)
    for (const little of [true, false]) for (const version of [1, 2]) expect(await registersOf(libvirtImage(stream, 0, { little, version }))).toEqual(wanted)
    await expect(read(libvirtImage(stream, 0, { version: 3 }))).rejects.toMatchObject({ code: 'FORMAT_TOO_NEW' })
  })

  test('gzip is unpacked; lzop is refused by name; an unfinished image and an unknown compression too', async () => {
    expect(await registersOf(libvirtImage(gzipSync(stream), 1))).toEqual(await registersOf(stream))
    await expect(read(libvirtImage(stream, 4))).rejects.toMatchObject({ code: 'FORMAT_FOREIGN', message: expect.stringContaining('lzop') })
    await expect(read(libvirtImage(stream, 1))).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
    await expect(read(libvirtImage(stream, 7))).rejects.toMatchObject({ code: 'FORMAT_TOO_NEW' })
    await expect(read(libvirtImage(stream, 0, { magic: 'LibvirtQemudPart' }))).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
  })

  test.skipIf(!has('zstd'))('zstd is unpacked', async () => {
    const packed = execFileSync('zstd', ['-q', '-c'], { input: stream })
    expect(await registersOf(libvirtImage(packed, 5))).toEqual(await registersOf(stream))
  })

  test.skipIf(!has('xz'))('xz is unpacked', async () => {
    const packed = execFileSync('xz', ['-c'], { input: stream })
    expect(await registersOf(libvirtImage(packed, 3))).toEqual(await registersOf(stream))
  })

  test.skipIf(!has('bzip2'))('bzip2 is unpacked', async () => {
    const packed = execFileSync('bzip2', ['-c'], { input: stream })
    expect(await registersOf(libvirtImage(packed, 2))).toEqual(await registersOf(stream))
  })

  test('a document type, entities and bad nesting are not followed, and never stop the reading', async () => {
    expect(readDomain('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain type="kvm"><name>&x;</name></domain>')).toEqual({
      wrong: expect.any(String),
    })
    expect(readDomain('<domain type="kvm"><name>&x;&#65;</name></domain>').domain?.name).toBe('&x;&#65;')
    expect(readDomain('<domain><a></b></domain>').wrong).toBeDefined()
    expect(readDomain(`${'<a>'.repeat(1000)}`).wrong).toBeDefined()
    const { findings, snapshot } = await read(libvirtImage(stream, 0, { xml: '<!DOCTYPE x><domain/>' }))
    expect(findings.map(({ code }) => code)).toContain('domain-xml-unread')
    expect(snapshot.vcpus).toHaveLength(2)
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('<', '>', '/', 'a', '"', "'", '=', ' ', '<!--', '-->', '<domain', 'type="x"', '&amp;', '<?'), { maxLength: 60 }),
        parts => {
          readDomain(parts.join(''))
        },
      ),
      { seed: 9, numRuns: 2000 },
    )
  })
})

describe('qcow2 snapshots', () => {
  test.each([
    ['small clusters', { clusterBits: 9 }],
    ['large clusters', { clusterBits: 16 }],
    ['extended L2 entries', { clusterBits: 14, extended: true }],
    ['a header that counts less than the extent', { stateSize: 17 }],
    ['a backing file, which is not opened', { backing: true }],
  ])('%s', async (_, spec) => {
    expect(await registersOf(qcow2Image(stream, spec))).toEqual(await registersOf(stream))
  })

  test('any piece of the state is the piece of the stream; holes are zeros', async () => {
    const content = Uint8Array.from({ length: 30_000 }, (_, i) => 1 + (i % 251))
    const { source } = await openQcow2State(bytesSource(qcow2Image(content, { clusterBits: 10, holes: [3, 4, 11] }), 'x.qcow2'))
    const wanted = new Uint8Array(source.size)
    wanted.set(content)
    for (const hole of [3, 4, 11]) wanted.fill(0, hole << 10, (hole + 1) << 10)
    await fc.assert(
      fc.asyncProperty(fc.nat(source.size), fc.nat(5000), async (from, length) => {
        const until = Math.min(source.size, from + length)
        expect(await source.read(from, until - from)).toEqual(wanted.slice(from, until))
      }),
      { seed: 5, numRuns: 200 },
    )
  })

  test('an image without a saved guest is not claimed, one with disk snapshots alone is refused', async () => {
    const disk = qcow2Image(stream)
    new DataView(disk.buffer).setUint32(60, 0)
    expect(qemu.sniff(disk.subarray(0, 4096))).toBeUndefined()
    await expect(read(qcow2Image(new Uint8Array(0), { stateSize: 0 }))).rejects.toMatchObject({ code: 'FORMAT_FOREIGN' })
  })
})

describe.skipIf(!hasSamples)('samples', () => {
  test.each(ENTRIES.filter(({ name }) => /qcow2$/.test(name)))('$name holds the stream that the same QEMU migrates', async entry => {
    const { snapshot } = await read(readSample(entry))
    const twin = ENTRIES.find(({ name }) => name === entry.name.replace(/^savevm/, 'tcg').replace('qcow2', 'mig'))
    if (!twin) return
    const other = await read(readSample(twin))
    expect(snapshot.vcpus.map(({ registers }) => registers.ids)).toEqual(other.snapshot.vcpus.map(({ registers }) => registers.ids))
    expect(snapshot.vcpus.map(({ mpState }) => mpState)).toEqual(other.snapshot.vcpus.map(({ mpState }) => mpState))
  })
})
