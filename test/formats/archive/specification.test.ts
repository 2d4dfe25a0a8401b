// docs/format.md as another implementer would read it: this file uses none of psci-snap's archive code to take the golden archive apart.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LIMITS } from '../../../src/formats/archive/limits.ts'

const file = readFileSync('test/data/archive-v1/input.psnap')
const document = readFileSync('docs/format.md', 'utf8')
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

/** Section 1. */
function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0, 'latin1')
  for (const [offset, text] of [
    [100, '000644 \0'],
    [108, '000000 \0'],
    [116, '000000 \0'],
    [124, `${size.toString(8).padStart(10, '0')} \0`],
    [136, '0000000000 \0'],
    [148, '        '],
    [156, '0'],
    [257, 'ustar\x0000'],
    [329, '000000 \0'],
    [337, '000000 \0'],
  ] as const)
    block.write(text, offset, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')} \0`, 148, 'latin1')
  return block
}

/** Section 6. */
const footer = file.subarray(file.length - 1536, file.length - 1024)
const indexAt = Number(footer.readBigUInt64LE(24))
const index = file.subarray(indexAt, indexAt + Number(footer.readBigUInt64LE(32)))
/** Section 5. */
const rows = (JSON.parse(index.toString()) as { members: [string, number, number, number, string, string][] }).members

test('the footer is as section 6 says', () => {
  expect(footer.subarray(0, 16).toString('latin1')).toBe('psnap-footer\r\n\x1a\n')
  expect(footer.readUInt32LE(16)).toBe(1)
  expect(footer.subarray(40, 72).toString('hex')).toBe(sha256(index))
  expect(footer.subarray(480).toString('hex')).toBe(sha256(footer.subarray(0, 480)))
  expect(footer.subarray(20, 24).every(byte => byte === 0) && footer.subarray(104, 480).every(byte => byte === 0)).toBe(true)
  expect(file.subarray(-1024).every(byte => byte === 0)).toBe(true)
})

test('the index is spelled as section 5 says', () => {
  const lines = rows.map(([name, offset, stored, raw, a, b]) => `["${name}",${offset},${stored},${raw},"${a}","${b}"]`)
  expect(index.toString()).toBe(`{"formatVersion":1,"members":[\n${lines.join(',\n')}\n]}\n`)
})

test('members lie end to end under the headers of section 1, padded with zeros', () => {
  let at = 0
  const all = [...rows.map(([name, , stored]) => [name, stored] as const), ['index.json', index.length] as const, ['footer', 512] as const]
  for (const [name, size] of all) {
    expect(file.subarray(at, at + 512).equals(header(name, size)), name).toBe(true)
    const end = at + 512 + size
    at = Math.ceil(end / 512) * 512
    expect(file.subarray(end, at).every(byte => byte === 0)).toBe(true)
  }
  expect(at + 1024).toBe(file.length)
})

test('the content digest is that of section 7', () => {
  const text = rows
    .filter(([name]) => name !== 'manifest.json')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, , , raw, , rawSha256]) => `${name} ${raw} ${rawSha256}\n`)
  expect(footer.subarray(72, 104).toString('hex')).toBe(sha256(text.join('')))
})

test('a vCPU can be read with section 3 in hand', () => {
  const [, offset = 0, stored = 0] = rows.find(([name]) => name === 'vcpu/2.msgpack')!
  const member = file.subarray(offset, offset + stored)
  // {index: 2, mpState: "suspended", features: [], ids: one id, values: 8 bytes}
  const expected = [
    '85',
    'a5696e646578',
    '02',
    'a76d705374617465',
    'a973757370656e646564',
    'a86665617475726573',
    '90',
    'a3696473',
    'c408',
    '0000140000003060',
    'a676616c756573',
    'c408',
    '0000010000000000',
  ]
  expect(member.toString('hex')).toBe(expected.join(''))
})

test('section 9 names the limits that are enforced', () => {
  const mib = (bytes: number): string => `${bytes / 2 ** 20} MiB`
  const grouped = (count: number): string => count.toLocaleString('en-US')
  const said = document.slice(document.indexOf('## 9.'), document.indexOf('## 10.'))
  for (const row of [
    `| \`manifest.json\` | ${mib(LIMITS.manifestBytes)} |`,
    `| \`index.json\` | ${mib(LIMITS.indexBytes)} |`,
    `| members | ${grouped(LIMITS.members)} |`,
    `| a msgpack member, or one of a later release | ${mib(LIMITS.memberBytes)} raw |`,
    `| \`machine.msgpack\`, \`foreign.msgpack\` | ${mib(LIMITS.machineBytes)} raw each |`,
    `| members of later releases together | ${LIMITS.unknownMembers}, ${mib(LIMITS.unknownBytes)} raw |`,
    `| stored size of a frame | raw size + ${LIMITS.frameOverhead / 1024} KiB |`,
    `| ${LIMITS.packDepth}; ${grouped(LIMITS.packItems)} |`,
    `| ${LIMITS.vcpus}; ${grouped(LIMITS.registersPerVcpu)} |`,
    `| ${LIMITS.devices}; ${LIMITS.memoryRegions}; 2^${Math.log2(LIMITS.regionBytes)} |`,
  ])
    expect(said).toContain(row)
})
