// Archives made on purpose to be wrong, with digests, index and footer that are right. Each is one clear error, soon, in bounded memory.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { regId } from '../../../src/arch/reg-id.ts'
import { SnapError } from '../../../src/errors.ts'
import { pack, unpack } from '../../../src/formats/archive/pack.ts'
import { openArchive } from '../../../src/formats/archive/read.ts'
import { tarHeader } from '../../../src/formats/archive/tar-blocks.ts'
import { verifyArchive } from '../../../src/formats/archive/verify.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'
import { bytesRegion } from '../../../src/model/memory.ts'
import { registerList } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { comparable } from '../any-snapshot.ts'
import { archiveOf, forge, membersOf, type RawMember, readArchive } from './archive-bytes.ts'

const snapshot: Snapshot = {
  origin: {},
  gic: 'v3',
  stop: 'off',
  vm: {},
  vcpus: [0, 1].map(index => ({ index, mpState: 'runnable', registers: registerList([[regId(0x6030_0000_0014_0000n), 0x10001n]]) })),
  devices: [{ name: 'pl011', kind: 'pl011', state: { control: 5 } }],
  memory: [bytesRegion('ram', 0n, new Uint8Array(3000).fill(7))],
}
const good = await membersOf(await archiveOf(snapshot))
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const withMember = (name: string, stored: Uint8Array, raw?: RawMember['raw']): RawMember[] =>
  good.map(member => (member.name === name ? { name, stored, ...(raw ? { raw } : {}) } : member))
const plus = (...extra: RawMember[]): RawMember[] => [...good, ...extra]
const edit = (name: string, change: (value: Record<string, unknown>) => void): RawMember[] => {
  const value = unpack(good.find(member => member.name === name)!.stored, {}) as Record<string, unknown>
  change(value)
  return withMember(name, pack(value))
}
const manifest = (change: (text: string) => string): RawMember[] => withMember('manifest.json', utf8(change(Buffer.from(good[0]!.stored).toString())))

/** What reading everything ends in: the error's code and message. */
async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    await comparable(await readArchive(bytes))
    return 'fine'
  } catch (error) {
    if (!(error instanceof SnapError)) throw error
    return `${error.code} ${error.message}`
  }
}
/** Reading says so, and verify too: as a finding, or for the future as the same error. */
async function check(bytes: Uint8Array, expected: RegExp): Promise<void> {
  expect(await outcome(bytes)).toMatch(expected)
  const verdict = await verifyArchive(bytesSource(bytes)).then(
    report => (report.ok ? 'fine' : report.findings.map(finding => finding.message).join('\n')),
    (error: SnapError) => error.code,
  )
  expect(verdict).not.toBe('fine')
}

test('what the forger makes of good members is good', async () => {
  expect(await outcome(forge(good))).toBe('fine')
})

const zeros = new Uint8Array(64)
test.each<[string, RawMember[], RegExp]>([
  ['a path out of the folder', plus({ name: '../evil', stored: zeros }), /ARCHIVE_CORRUPT .*not a name of a member/],
  ['a path with .. inside', plus({ name: 'a/../../b', stored: zeros }), /ARCHIVE_CORRUPT .*not a name of a member/],
  ['an absolute path', plus({ name: '/etc/passwd', stored: zeros }), /ARCHIVE_CORRUPT .*not a name of a member/],
  ['a hidden file', plus({ name: '.bashrc', stored: zeros }), /ARCHIVE_CORRUPT .*not a name of a member/],
  ['a stranger in a known folder', plus({ name: 'vcpu/notes.txt', stored: zeros }), /ARCHIVE_CORRUPT .*not a name of a member/],
  ['a second index', plus({ name: 'index.json', stored: zeros }), /ARCHIVE_CORRUPT .*not a name of a member/],
  ['a member twice', plus(good[1]!), /ARCHIVE_CORRUPT .*vm\.msgpack comes twice/],
  [
    'a vCPU too many',
    plus({ name: 'vcpu/7.msgpack', stored: good.find(m => m.name === 'vcpu/1.msgpack')!.stored }),
    /ARCHIVE_CORRUPT .*vcpu\/7.msgpack is a member too many/,
  ],
  [
    'a vCPU in the place of another',
    withMember('vcpu/1.msgpack', good.find(m => m.name === 'vcpu/0.msgpack')!.stored),
    /ARCHIVE_CORRUPT .*it says it is vCPU 0/,
  ],
  ['a vCPU too few', good.filter(m => m.name !== 'vcpu/1.msgpack'), /ARCHIVE_CORRUPT .*vcpu\/1.msgpack is missing/],
  ['a device too few', good.filter(m => m.name !== 'devices/pl011.msgpack'), /ARCHIVE_CORRUPT .*devices\/pl011.msgpack is missing/],
  ['memory of no region', plus({ ...good.at(-1)!, name: 'memory/other/000000.zst' }), /ARCHIVE_CORRUPT .*belongs to no memory region/],
  ['memory beyond its region', plus({ ...good.at(-1)!, name: 'memory/ram/000001.zst' }), /ARCHIVE_CORRUPT .*lies beyond the 3000 bytes/],
  [
    'a chunk of a wrong size',
    edit('vm.msgpack', vm => Object.assign((vm.memory as object[])[0]!, { size: 2999n })),
    /ARCHIVE_CORRUPT .*has 3000 bytes instead of 2999/,
  ],
  ['no manifest at the front', [...good].reverse(), /ARCHIVE_CORRUPT .*manifest.json is the first member/],
  ['a manifest that is no JSON', withMember('manifest.json', utf8('{')), /ARCHIVE_CORRUPT .*not JSON/],
  ['a schema from the future', manifest(t => t.replace('"schemaVersion":1', '"schemaVersion":99')), /SCHEMA_TOO_NEW .*99/],
  ['a format from the future, in the manifest', manifest(t => t.replace('"formatVersion":1', '"formatVersion":2')), /FORMAT_TOO_NEW/],
  ['a chunk that declares a terabyte', withMember(good.at(-1)!.name, good.at(-1)!.stored, { raw: 2 ** 40 }), /LIMIT_EXCEEDED .*declares 1099511627776 bytes/],
  ['a vCPU of 17 MiB', withMember('vcpu/0.msgpack', new Uint8Array(17 << 20)), /LIMIT_EXCEEDED .*declares 17825792 bytes/],
  [
    'unknown members beyond the limit',
    plus(...Array.from({ length: 5 }, (_, i) => ({ name: `x/${i}`, stored: new Uint8Array(15 << 20) }))),
    /LIMIT_EXCEEDED .*does not know/,
  ],
  [
    'a frame with bytes after it',
    withMember(good.at(-1)!.name, new Uint8Array([...good.at(-1)!.stored, 0]), good.at(-1)!.raw),
    /ARCHIVE_CORRUPT .*1 bytes follow the zstd frame/,
  ],
  ['no frame at all', withMember(good.at(-1)!.name, zeros, good.at(-1)!.raw), /ARCHIVE_CORRUPT .*not a whole zstd frame/],
  ['msgpack: nested deeply', withMember('devices/pl011.msgpack', new Uint8Array(5000).fill(0x91)), /LIMIT_EXCEEDED .*nested deeper than 32/],
  [
    'msgpack: four thousand million items',
    withMember('vm.msgpack', new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff, 0])),
    /ARCHIVE_CORRUPT .*items are announced/,
  ],
  ['msgpack: a byte string of 4 GiB', withMember('vm.msgpack', new Uint8Array([0xc6, 0xff, 0xff, 0xff, 0xff, 0])), /ARCHIVE_CORRUPT .*ends inside a value/],
  [
    'msgpack: millions of empty maps',
    withMember('devices/pl011.msgpack', new Uint8Array([0xdd, 0, 0x1e, 0x84, 0x80, ...new Uint8Array(2_000_000).fill(0x80)])),
    /LIMIT_EXCEEDED .*more than 1000000 items/,
  ],
  ['msgpack: a private extension', withMember('devices/pl011.msgpack', new Uint8Array([0xd4, 0x72, 0x40])), /ARCHIVE_CORRUPT .*type 0xd4/],
  ['msgpack: a date', withMember('devices/pl011.msgpack', new Uint8Array([0xd6, 0xff, 0, 0, 0, 0])), /ARCHIVE_CORRUPT .*type 0xd6/],
  ['msgpack: a key twice', withMember('vm.msgpack', new Uint8Array([0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2])), /ARCHIVE_CORRUPT .*key "a" comes twice/],
  ['msgpack: __proto__', withMember('vm.msgpack', new Uint8Array([0x81, 0xa9, ...utf8('__proto__'), 0x80])), /ARCHIVE_CORRUPT .*__proto__/],
  ['msgpack: bytes left over', withMember('vm.msgpack', new Uint8Array([0x80, 0x80])), /ARCHIVE_CORRUPT .*1 bytes follow the value/],
  ['a list instead of a map', withMember('vm.msgpack', new Uint8Array([0x90])), /ARCHIVE_CORRUPT .*vm.msgpack: \/ is not a map/],
  ['a GIC of the future', edit('vm.msgpack', vm => Object.assign(vm, { gic: 'v9' })), /ARCHIVE_CORRUPT .*\/gic is not one of none v2 v3/],
  ['a vCPU listed twice', edit('vm.msgpack', vm => Object.assign(vm, { vcpus: [0, 1, 1] })), /ARCHIVE_CORRUPT .*\/vcpus names a vCPU twice/],
  [
    'memory beyond 64 bits',
    edit('vm.msgpack', vm => Object.assign((vm.memory as object[])[0]!, { start: 2n ** 64n - 1n })),
    /ARCHIVE_CORRUPT .*\/memory\/0\/size reaches beyond/,
  ],
  [
    'a value wider than its register',
    edit('vcpu/0.msgpack', v => Object.assign(v, { values: new Uint8Array(9) })),
    /ARCHIVE_CORRUPT .*\/values has 9 bytes, the ids need 8/,
  ],
  [
    'a value narrower than its register',
    edit('vcpu/0.msgpack', v => Object.assign(v, { values: new Uint8Array(7) })),
    /ARCHIVE_CORRUPT .*\/values has 7 bytes; register 0 .* ends at 8/,
  ],
  ['half an id', edit('vcpu/0.msgpack', v => Object.assign(v, { ids: new Uint8Array(7) })), /ARCHIVE_CORRUPT .*no whole number of ids/],
  [
    'an id of another architecture',
    edit('vcpu/0.msgpack', v => Object.assign(v, { ids: new Uint8Array(8).fill(0x20) })),
    /ARCHIVE_CORRUPT .*no arm64 register id/,
  ],
  ['an unknown vCPU feature', edit('vcpu/0.msgpack', v => Object.assign(v, { features: ['wings'] })), /ARCHIVE_CORRUPT .*\/features\/0 is not a vCPU feature/],
])('%s', async (_name, members, expected) => {
  await check(forge(members), expected)
})

test('a format from the future, in the footer', async () => {
  await check(forge(good, { formatVersion: 2 }), /FORMAT_TOO_NEW/)
})

test('a future version edited in place, without its digests, is still recognised by a reader', async () => {
  const bytes = Buffer.from(forge(good))
  const at = bytes.indexOf('"schemaVersion":1')
  bytes.write('9', at + 16)
  expect(await outcome(new Uint8Array(bytes))).toMatch(/SCHEMA_TOO_NEW/)
})

test.each<[string, (text: string) => string, RegExp]>([
  ['rows that overlap', t => t.replace(/("vm\.msgpack",)(\d+)/, '$11024'), /ARCHIVE_CORRUPT .*vm\.msgpack starts at 1024/],
  ['an offset beyond all files', t => t.replace(/("vm\.msgpack",)(\d+)/, '$19007199254740993'), /ARCHIVE_CORRUPT .*starts at/],
  ['a size that hides a member', t => t.replace(/("vm\.msgpack",\d+,)(\d+),(\d+)/, '$11500,1500'), /ARCHIVE_CORRUPT .*starts at/],
  ['a row too few', t => t.replace(/\["vm\.msgpack".*\n/, ''), /ARCHIVE_CORRUPT .*starts at/],
  ['no rows', t => `${t.split('\n')[0]}\n]}\n`, /ARCHIVE_CORRUPT .*(not a row|no rows|does not end as)/],
  ['spaces', t => t.replace('["vm', '[ "vm'), /ARCHIVE_CORRUPT .*is not a row/],
  ['a number in another spelling', t => t.replace(/("vm\.msgpack",)(\d+)/, '$10$2'), /ARCHIVE_CORRUPT .*is not a row/],
  ['digests in capitals', t => t.replace(/"([0-9a-f]{64})"/, (_, h: string) => `"${h.toUpperCase()}"`), /ARCHIVE_CORRUPT .*is not a row/],
  ['a comma after the last row', t => t.replace('"]\n]}', '"],\n]}'), /ARCHIVE_CORRUPT .*comma/],
  ['text behind the end', t => `${t} `, /ARCHIVE_CORRUPT .*does not end/],
  ['nothing but brackets', () => '['.repeat(100_000), /ARCHIVE_CORRUPT .*does not begin/],
])('an index with %s', async (_name, index, expected) => {
  await check(forge(good, { index }), expected)
})

const typed =
  (flag: string) =>
  (name: string, size: number): Uint8Array => {
    const block = Buffer.from(tarHeader(name, size))
    if (!name.startsWith('devices/')) return block
    block.write(flag, 156, 'latin1')
    block.write('        ', 148, 'latin1')
    const sum = block.reduce((total, byte) => total + byte, 0)
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    return block
  }
test.each([
  ['1', 'a hard link'],
  ['2', 'a symbolic link'],
  ['3', 'a character device'],
  ['5', 'a folder'],
  ['6', 'a FIFO'],
  ['x', 'an extended header'],
  ['L', 'a GNU long name'],
])('tar type %s, %s, instead of a plain file', async flag => {
  await check(forge(good, { header: typed(flag) }), /ARCHIVE_CORRUPT .*tar header of devices\/pl011\.msgpack/)
})

test('a manifest that says something else than the members is a finding', async () => {
  const bytes = forge(manifest(t => t.replace('"stop":"off"', '"stop":"running"')))
  const { findings } = await (await openArchive(bytesSource(bytes))).readSnapshot()
  expect(findings.map(finding => finding.code)).toEqual(['manifest-differs'])
  expect((await verifyArchive(bytesSource(bytes))).findings.map(finding => finding.code)).toEqual(['manifest-differs'])
})

test('a zstd bomb: a gigabyte declared, or hidden behind a small size, is refused before it is unpacked', async () => {
  const blocks: number[] = []
  for (let i = 0; i < 8192; i++) {
    const header = ((128 * 1024) << 3) | (1 << 1) | (i === 8191 ? 1 : 0)
    blocks.push(header & 255, (header >> 8) & 255, (header >> 16) & 255, 0x41)
  }
  const declaring = (...body: readonly number[]): Uint8Array => new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, ...body])
  await check(forge(withMember(good.at(-1)!.name, declaring(...blocks), good.at(-1)!.raw)), /LIMIT_EXCEEDED .*more than its 3000 need/)
  await check(
    forge(withMember(good.at(-1)!.name, declaring(...blocks.slice(-40)), good.at(-1)!.raw)),
    /ARCHIVE_CORRUPT .*declares 1073741824 bytes, the index 3000/,
  )
  // One that lies about its size: it says 3000 bytes and its blocks hold a gigabyte.
  const liar = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xb8, 0x0b, 0, 0, ...blocks.slice(0, 4000), 1, 0, 0])
  await check(forge(withMember(good.at(-1)!.name, liar, good.at(-1)!.raw)), /ARCHIVE_CORRUPT .*(damaged|holds|hold at most|digest)/)
})

test('sparse memory of 32 TiB with one chunk is read at once', async () => {
  const sparse: Snapshot = {
    ...snapshot,
    memory: [{ name: 'ram', start: 0n, size: 2 ** 45, chunks: () => [{ offset: 2 ** 45 - 4096, data: new Uint8Array(4096).fill(1) }] }],
  }
  const read = await readArchive(await archiveOf(sparse))
  const seen: [number, number][] = []
  for await (const { offset, data } of read.memory[0]!.chunks()) seen.push([offset, data.length])
  expect(seen).toEqual([[2 ** 45 - (1 << 20), 1 << 20]])
})

test('keys and members that this release does not know survive', async () => {
  const members = edit('vm.msgpack', vm => {
    Object.assign(vm, { 'a/b~c': { deep: [1n, new Uint8Array([1])] } })
    Object.assign((vm.memory as object[])[0]!, { numa: 3 })
  })
  const first = await readArchive(forge([...members, { name: 'future/thing.bin', stored: utf8('hello') }]))
  expect(first.unknown?.map(item => item.name)).toEqual(['vm.msgpack#/memory/0/numa', 'vm.msgpack#/a~1b~0c', 'future/thing.bin'])
  const second = await readArchive(await archiveOf(first))
  expect(await comparable(second)).toEqual(await comparable(first))
  const raw = unpack((await membersOf(await archiveOf(first)))[1]!.stored, {}) as { memory: { numa: number }[]; 'a/b~c': unknown }
  expect(raw.memory[0]?.numa).toBe(3)
  expect(raw['a/b~c']).toEqual({ deep: [1n, new Uint8Array([1])] })
})

test('random changes under right digests: the golden value, another one, or a SnapError, never anything else', async () => {
  const names = good.filter(member => member.name.endsWith('.msgpack')).map(member => member.name)
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), async (name, changes) => {
      const stored = new Uint8Array(good.find(member => member.name === name)!.stored)
      for (const [at, value] of changes) stored[at % stored.length] = value
      const result = await outcome(forge(withMember(name, stored)))
      expect(result).toMatch(/^(fine$|ARCHIVE_CORRUPT |LIMIT_EXCEEDED )/)
    }),
    { seed: 5, numRuns: 600 },
  )
})

test('random bytes as a member never crash the decoder', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      try {
        unpack(bytes, {})
      } catch (error) {
        expect(error).toBeInstanceOf(SnapError)
      }
    }),
    { seed: 6, numRuns: 5000 },
  )
})
