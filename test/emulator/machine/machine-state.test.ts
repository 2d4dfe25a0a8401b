import { expect, test } from 'vitest'
import { decodeMachineState, ENGINE_BYTES, encodeMachineState, type MachineValue } from '../../../src/emulator/machine/machine-state.ts'
import { SnapError } from '../../../src/errors.ts'

const VALUE: MachineValue = {
  time: 2 ** 40,
  instructions: 12345,
  entropy: (1n << 64n) - 1n,
  turn: { position: 1, left: 17 },
  vcpus: [
    { index: 0, wait: 'wfi', mmio: undefined, engine: new Uint8Array(ENGINE_BYTES).fill(3), physicalTimer: { control: 1n, compare: 5n } },
    { index: 1, wait: 'none', mmio: { word: 0xf900_0260 }, engine: new Uint8Array(ENGINE_BYTES), physicalTimer: undefined },
  ],
}

test('comes back as it was, large numbers as bigint or not', () => {
  const encoded = encodeMachineState(VALUE)
  expect(decodeMachineState(structuredClone(encoded))).toEqual(VALUE)
  expect(decodeMachineState({ ...encoded, state: { ...(encoded.state as object), time: BigInt(2 ** 40), entropy: VALUE.entropy } })).toEqual(VALUE)
})

test('another version says nothing here', () => {
  expect(decodeMachineState({ ...encodeMachineState(VALUE), version: 2 })).toBeUndefined()
})

interface Loose {
  [key: string]: unknown
  vcpus: Record<string, unknown>[]
}
const broken: readonly (readonly [string, (state: Loose) => void])[] = [
  ['time', state => (state.time = -1)],
  ['instructions', state => (state.instructions = 1.5)],
  ['entropy', state => (state.entropy = 1n << 64n)],
  ['turn', state => (state.turn = 5)],
  ['vcpus', state => (state.vcpus = {} as never)],
  ['vcpus[0].wait', state => (state.vcpus[0]!.wait = 'wfe')],
  ['vcpus[0].engine', state => (state.vcpus[0]!.engine = new Uint8Array(3))],
  ['vcpus[1].mmio.word', state => (state.vcpus[1]!.mmio = { word: -1 })],
  ['vcpus[0].physicalTimer', state => (state.vcpus[0]!.physicalTimer = [])],
]
test.each(broken)('names a bad %s', (path, spoil) => {
  const encoded = structuredClone(encodeMachineState(VALUE))
  spoil(encoded.state as Loose)
  expect(() => decodeMachineState(encoded)).toThrow(SnapError)
  expect(() => decodeMachineState(encoded)).toThrow(`machine.${path}`)
})
