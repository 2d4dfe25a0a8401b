// The committed guest is what its source says, and both sides agree on the layout of its memory.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { compile, compilerVersion, IMAGES } from '../../../scripts/guest/build-guest.ts'
import { COMPILER, PAYLOAD_BASE64, PROBE_BASE64 } from '../../../src/emulator/board/guest/images.ts'
import * as layout from '../../../src/emulator/board/guest/layout.ts'
import { payload, payloadAnswers } from '../../../src/emulator/board/guest/payload.ts'
import { fromBase64, probeGuest } from '../../../src/emulator/board/guest/probe.ts'
import { RAM_BASE, UART_BASE } from '../../../src/emulator/board/memory-map.ts'

const compiler = compilerVersion()
const reason =
  compiler === undefined ? 'no aarch64 cross compiler is installed' : compiler === COMPILER ? undefined : `the compiler is ${compiler}, not ${COMPILER}`
if (reason !== undefined) console.log(`skipped: ${reason}`)

describe.skipIf(reason !== undefined)('source and binary', () => {
  test.each([
    ['probe', PROBE_BASE64],
    ['payload', PAYLOAD_BASE64],
  ] as const)('%s: the committed bytes are what its source compiles to', (name, base64) => {
    const [script, sources] = IMAGES[name]
    expect(Buffer.from(compile(script, sources)).toString('base64')).toBe(base64)
  })
})

test('layout.h and layout.ts have the same numbers', () => {
  const text = readFileSync(fileURLToPath(new URL('../../../guest/probe/layout.h', import.meta.url)), 'utf8')
  const c = new Map([...text.matchAll(/^#define (\w+)\s+(0x[0-9a-f]+|\d+)/gm)].map(([, name, value]) => [name!, BigInt(value!)]))
  const upper = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
  const expected = new Map<string, bigint>([
    ['PARAMS', layout.GUEST_LAYOUT.params],
    ['REPORT', layout.GUEST_LAYOUT.report],
    ['IMAGE_BASE', layout.GUEST_LAYOUT.image],
    ['MAX_VCPUS', BigInt(layout.GUEST_LAYOUT.maxVcpus)],
    ['PARAMS_MAGIC', layout.GUEST_LAYOUT.paramsMagic],
    ['REPORT_MAGIC', layout.GUEST_LAYOUT.reportMagic],
    ['REPORT_VERSION', BigInt(layout.GUEST_LAYOUT.reportVersion)],
    ['RAM_BASE', RAM_BASE],
    ['UART_BASE', UART_BASE],
    ['VCPU_ROW', BigInt(layout.VCPU_ROW)],
    ['QUESTION_ROW', BigInt(layout.QUESTION_ROW)],
    ['REGISTER_ROW', BigInt(layout.REGISTER_ROW)],
    ['Q_SMC', BigInt(layout.QUESTION_SMC)],
    ['Q_PRESENCE', BigInt(layout.QUESTION_PRESENCE)],
    ['UNREADABLE', layout.UNREADABLE],
    ['FLAG_EXCLUSIVE', BigInt(layout.FLAG_EXCLUSIVE)],
    ...Object.entries(layout.REPORT).map(([name, value]) => [`R_${upper(name)}`, BigInt(value)] as const),
    ...Object.entries(layout.PARAMS).flatMap(([name, value]) => (name === 'bytes' ? [] : [[`P_${upper(name)}`, BigInt(value)] as const])),
    ...Object.entries(layout.ACTION).map(([name, value]) => [`ACTION_${upper(name)}`, BigInt(value)] as const),
  ])
  for (const [name, value] of expected) expect([name, c.get(name)]).toEqual([name, value])
  const end = c.get('STACK_BASE')! + c.get('STACK_SIZE')! * c.get('MAX_VCPUS')!
  expect(end).toBeLessThanOrEqual(RAM_BASE + BigInt(layout.GUEST_LAYOUT.ramBytes))
})

test('the image does not reach its stacks', async () => {
  const { parts } = await probeGuest({ vcpus: 1 })
  expect(parts.at(-1)!.bytes.length).toBeLessThan(0x2_0000)
})

test('a payload finds the end of its code, and reads its answers back from where it asked', async () => {
  const asked = await payload([{ functionId: 0x8400_0000 }, { functionId: 0x8400_000a, argument: 0x8400_0015 }])
  const code = fromBase64(PAYLOAD_BASE64).length
  expect(asked.done).toBeGreaterThan(0)
  expect(asked.done).toBeLessThan(code)
  const memory = asked.image.slice()
  new DataView(memory.buffer).setBigUint64(code + 0x30 + 0x10, 1n, true)
  expect(payloadAnswers(asked, memory).map(({ argument, results }) => [argument, results[0]])).toEqual([
    [undefined, 0n],
    [0x8400_0015, 1n],
  ])
})
