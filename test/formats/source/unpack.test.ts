// xz and bzip2: what the programs of these names pack is unpacked; every cut and every flipped bit is found.
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'
import { unwrap } from '../../../src/formats/source/unwrap.ts'

const unpack = async (packed: Uint8Array): Promise<Uint8Array> => {
  const source = await unwrap(bytesSource(packed, 'packed'))
  return source.read(0, source.size)
}
const has = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    console.log(`skipped: ${program} is not on this machine`)
    return false
  }
}
const run = (command: readonly string[], input: Uint8Array): Buffer => execFileSync(command[0]!, command.slice(1), { input, maxBuffer: 1 << 28 })

// Made by xz 5.4 and bzip2 1.0.8 of "hello hello hello\n", for machines without them.
const HELLO = new TextEncoder().encode('hello hello hello\n')
const FIXED = {
  xz: 'fd377a585a000004e6d6b4460200210116000000742fe5a3e00011000c5d00341949ee8de94f7e2121b000001f01d9c887c143c800012812c96a628e1fb6f37d010000000004595a',
  bzip2: '425a6839314159265359e5b5f3090000045100001040000244a00021b5180c029069c2a30bb9229c284872daf98480',
} as const

test.each(Object.entries(FIXED))('%s, packed once and for all', async (_, hex) => {
  expect(await unpack(Buffer.from(hex, 'hex'))).toEqual(HELLO)
})

test.each(Object.entries(FIXED))('%s: cut anywhere, or with any bit flipped, it is refused with the place', async (_, hex) => {
  const packed = Uint8Array.from(Buffer.from(hex, 'hex'))
  const spoiled = [
    ...Array.from(packed.keys()).map(length => packed.subarray(0, length)),
    ...Array.from({ length: packed.length * 8 }, (_, bit) => packed.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))),
  ]
  for (const bytes of spoiled) {
    try {
      const got = await unpack(bytes)
      // A spoiled magic number is another file. Some bits do not matter for so short a text (xz -d takes them too): then it is the text.
      const isOther = Buffer.compare(got, bytes) === 0
      const isSame = Buffer.compare(got, HELLO) === 0
      expect(isOther || isSame, Buffer.from(bytes).toString('hex')).toBe(true)
    } catch (error) {
      expect(error, String(error)).toBeInstanceOf(SnapError)
      expect((error as SnapError).at.file).toBe('packed')
    }
  }
})

const COMMANDS = [
  ['xz', '-0', '-c'],
  ['xz', '-9e', '-c'],
  ['xz', '-c', '--check=none'],
  ['xz', '-c', '--check=crc32', '--lzma2=preset=6,lc=1,lp=2,pb=4'],
  ['xz', '-c', '--check=sha256', '-T2', '--block-size=20000'],
  ['bzip2', '-1', '-c'],
  ['bzip2', '-9', '-c'],
] as readonly (readonly [string, ...string[]])[]

/** Text, zeros and noise in turns: every kind of chunk. */
function mixed(bytes: number): Uint8Array {
  let state = 1
  return Uint8Array.from({ length: bytes }, (_, i) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return [0, state >>> 24, 97 + ((i * i) % 7), i >> 4][(i >> 12) & 3]! & 255
  })
}

describe.each(COMMANDS.map(command => ({ command, name: command.join(' ') })))('$name', ({ command }) => {
  test.skipIf(!has(command[0]))('gives back what was packed', async () => {
    for (const bytes of [new Uint8Array(0), Uint8Array.of(7), new Uint8Array(3_000_000), mixed(300_000), HELLO]) {
      const packed = run(command, bytes)
      expect(Buffer.compare(await unpack(packed), bytes)).toBe(0)
    }
    const two = Buffer.concat([run(command, HELLO), run(command, mixed(5000))])
    expect(Buffer.compare(await unpack(two), Buffer.concat([HELLO, mixed(5000)]))).toBe(0)
  })

  test.skipIf(!has(command[0]))('spoiled, it gives a SnapError or what was packed', async () => {
    const bytes = mixed(9000)
    const packed = run(command, bytes)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(packed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }), async changes => {
        const spoiled = Uint8Array.from(packed)
        for (const [at, value] of changes) spoiled[at] = value
        const got = await unpack(spoiled).catch((error: unknown) => error)
        if (got instanceof Uint8Array) {
          const checked = !command.includes('--check=none')
          if (checked && Buffer.compare(got, spoiled) !== 0) expect(Buffer.compare(got, bytes)).toBe(0)
        } else expect(got, String(got)).toBeInstanceOf(SnapError)
      }),
      { seed: 77, numRuns: 150 },
    )
  })
})

test.skipIf(!has('xz'))('another filter than LZMA2 is refused by name, a dictionary too large with a limit', async () => {
  await expect(unpack(run(['xz', '-c', '--x86', '--lzma2'], HELLO))).rejects.toMatchObject({ code: 'FORMAT_FOREIGN' })
  await expect(unpack(run(['xz', '-c', '--lzma2=dict=512MiB'], HELLO))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
})
