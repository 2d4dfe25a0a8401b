import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { openChunkCodec } from '../../../src/formats/archive/chunk-codec.ts'
import { pickImporter } from '../../../src/formats/importers/importer.ts'
import { IMPORTERS } from '../../../src/formats/importers/registry.ts'
import { ByteReader } from '../../../src/formats/source/byte-reader.ts'
import { openSource } from '../../../src/formats/source/open.ts'
import { bytesSource, readAll, type Source, sourceSha256 } from '../../../src/formats/source/source.ts'
import { spool } from '../../../src/formats/source/spool.ts'
import { unwrap } from '../../../src/formats/source/unwrap.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-source-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, bytes: Uint8Array | string): string => {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}
const text = async (source: Source): Promise<string> => {
  const bytes = await source.read(0, source.size)
  await source.close()
  return Buffer.from(bytes).toString()
}

test('a file, its middle, its head, its digest', async () => {
  const source = await openSource(file('plain', 'hello world'))
  expect(source.size).toBe(11)
  expect(Buffer.from(await source.read(6, 5)).toString()).toBe('world')
  expect(Buffer.from(await source.head(100)).toString()).toBe('hello world')
  expect(await sourceSha256(source)).toBe('b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9')
  await expect(source.read(6, 6)).rejects.toMatchObject({ code: 'INPUT_CORRUPT', at: { offset: 6 } })
  await source.close()
})

test('what a source gives is a copy', async () => {
  const bytes = Buffer.from('abc')
  const source = bytesSource(bytes)
  const read = await source.read(0, 3)
  bytes[0] = 0
  expect(Buffer.from(read).toString()).toBe('abc')
})

test.each([
  ['a file that is not there', 'nothing-here', /no such file/],
  ['a folder', '.', /it is a directory/],
])('%s', async (_name, path, message) => {
  await expect(openSource(join(folder, path))).rejects.toMatchObject({ code: 'CANNOT_READ', exitCode: 10, message: expect.stringMatching(message) })
})

test('a device without end is not read', async () => {
  await expect(openSource('/dev/zero')).rejects.toMatchObject({ code: 'CANNOT_READ' })
})

test('a link loop', async () => {
  symlinkSync(join(folder, 'loop'), join(folder, 'loop'))
  await expect(openSource(join(folder, 'loop'))).rejects.toMatchObject({ code: 'CANNOT_READ' })
})

test('a FIFO is read to its end', async () => {
  const path = join(folder, 'fifo')
  if (spawnSync('mkfifo', [path]).status !== 0) return
  const writer = spawn('sh', ['-c', `printf 'through a pipe' > ${path}`])
  expect(await text(await openSource(path))).toBe('through a pipe')
  writer.kill()
})

test('a long stream goes to a temporary file that has no name', async () => {
  const piece = new Uint8Array(1 << 20).fill(3)
  async function* stream(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 70; i++) yield piece
  }
  const source = await spool(stream(), 'long')
  expect(source.size).toBe(70 << 20)
  expect((await source.read((69 << 20) + 5, 2))[1]).toBe(3)
  await source.close()
})

test('a signal ends the keeping of a stream', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(1000)
  }
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('enough')), 20)
  const slow = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of endless()) {
      await new Promise(resolve => setTimeout(resolve, 1))
      yield piece
    }
  }
  await expect(spool(slow(), 'endless', controller.signal)).rejects.toThrow('enough')
})

const zstd = async (bytes: Uint8Array): Promise<Uint8Array> => {
  const codec = await openChunkCodec({ bytes: 0 })
  const { frame } = await codec.compress(new Uint8Array(bytes))
  await codec.close()
  return frame
}

test('a long gzip waits for its reader without piling up listeners', async () => {
  const warned: string[] = []
  const warn = (warning: Error): void => void warned.push(warning.name)
  process.on('warning', warn)
  const noise = Uint32Array.from({ length: 1 << 20 }, (_, i) => Math.imul(i ^ (i >>> 7), 0x9e37_79b1) ^ Math.imul(i, i)) // hardly gets smaller
  const long = Buffer.from(noise.buffer)
  const source = await openSource(file('long.gz', gzipSync(long)))
  expect(source.size).toBe(long.length)
  await source.close()
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', warn)
  expect(warned).toEqual([])
})

test('gzip and zstd are taken off, in one or several members or frames', async () => {
  const plain = Buffer.from('{"format":"kvm-reglist"}'.repeat(100))
  expect(await text(await openSource(file('a.gz', gzipSync(plain))))).toBe(plain.toString())
  expect(await text(await openSource(file('b.gz', Buffer.concat([gzipSync(plain), gzipSync(plain)]))))).toBe(plain.toString().repeat(2))
  const frame = await zstd(plain)
  expect(await text(await openSource(file('a.zst', frame)))).toBe(plain.toString())
  expect(await text(await openSource(file('b.zst', Buffer.concat([frame, frame]))))).toBe(plain.toString().repeat(2))
})

test('a zstd frame that does not declare its size is taken off', async () => {
  const plain = Buffer.from('a list of registers')
  const raw = (last: number, bytes: Uint8Array): number[] => [(bytes.length << 3) | last, 0, 0, ...bytes]
  const frame = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38, ...raw(0, plain.subarray(0, 7)), ...raw(1, plain.subarray(7))])
  expect(await text(await openSource(file('open.zst', frame)))).toBe(plain.toString())
})

const hasZstd = spawnSync('zstd', ['--version']).status === 0
test.skipIf(!hasZstd)('what the zstd program writes to a pipe, without a size, is taken off', async () => {
  const plain = Buffer.from('register '.repeat(50_000))
  const packed = execFileSync('zstd', ['-q', '-c'], { input: plain })
  expect(await text(await openSource(file('c.zst', packed)))).toBe(plain.toString())
})

test('an archive and a register list are read through gzip, and one byte at a time', async () => {
  const golden = readFileSync('test/data/archive-v1/input.psnap')
  const packed = file('guest.psnap.gz', gzipSync(golden))
  async function* bytewise(): AsyncGenerator<Uint8Array> {
    for (const byte of golden) yield Uint8Array.of(byte)
  }
  for (const source of [await openSource(packed), await spool(bytewise(), 'bytewise')]) {
    const importer = await pickImporter(source, IMPORTERS)
    expect(importer.id).toBe('psnap')
    expect((await importer.read(source)).snapshot.vcpus.length).toBe(3)
    await source.close()
  }
})

test('standard input is read as any file', async () => {
  const script = `import { openSource } from ${JSON.stringify(resolve('src/formats/source/open.ts'))}
const source = await openSource('-')
process.stdout.write(source.name + ' ' + source.size + ' ' + Buffer.from(await source.head(5)))`
  const path = file('stdin.mts', script)
  const run = (input: Buffer): string => execFileSync(process.execPath, ['--import', 'tsx', path], { input, encoding: 'utf8' })
  expect(run(gzipSync(Buffer.from('hello there')))).toBe('standard input 11 hello')
})

test('damaged compression is one clear error', async () => {
  const gz = gzipSync(Buffer.from('x'.repeat(5000)))
  for (const length of [5, 12, gz.length - 4])
    await expect(openSource(file('cut.gz', gz.subarray(0, length)))).rejects.toMatchObject({ code: 'INPUT_CORRUPT', exitCode: 12 })
  const frame = await zstd(Buffer.from('y'.repeat(5000)))
  for (const length of [4, 9, frame.length - 1])
    await expect(openSource(file('cut.zst', frame.subarray(0, length)))).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
  await expect(openSource(file('junk.zst', Buffer.concat([frame, Buffer.from('junk')])))).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
})

test('a zstd bomb is refused before it is unpacked', async () => {
  const header = ((128 * 1024) << 3) | (1 << 1)
  const block = [header & 255, (header >> 8) & 255, (header >> 16) & 255, 0x41]
  const declared = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x20, ...Array.from({ length: 4096 }, () => block).flat(), 1, 0, 0])
  await expect(unwrap(bytesSource(declared, 'bomb.zst'))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  // Without a declared size, window 128 KiB: 2 GiB in 64 KiB of file.
  const open = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38, ...Array.from({ length: 16_384 }, () => block).flat(), 1, 0, 0])
  await expect(unwrap(bytesSource(open, 'bomb.zst'))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
})

test('reading all of a source has a limit', async () => {
  await expect(readAll(bytesSource(new Uint8Array(11)), 10, 'it')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
})

test('ByteReader names what it was reading, and where', () => {
  const reader = new ByteReader(new Uint8Array([1, 0, 2, 0, 0, 0, 3]), { file: 'f' })
  expect([reader.u16le('a'), reader.u32le('b'), reader.left]).toEqual([1, 2, 1])
  expect(() => reader.u64be('the section size')).toThrow(/inside the section size: 8 bytes needed, 1 left/)
  try {
    reader.u16be('x')
  } catch (error) {
    expect(error).toMatchObject({ code: 'ARCHIVE_CORRUPT', at: { file: 'f', offset: 6 } })
  }
  expect(() => new ByteReader(new Uint8Array(8).fill(255)).size64le('a size')).toThrow(/absurd/)
})
