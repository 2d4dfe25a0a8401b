// Kernels of a few instructions, made here: they print one letter and call their firmware. What guests with kernels are tested with when no kernel is at hand.
import { arm64Image } from '../../emulator/board/loader/built-images.ts'

export interface FirmwareCall {
  readonly id: number
  readonly x1?: bigint
  readonly x2?: bigint
  readonly conduit?: 'hvc' | 'smc'
}

const HEADER = 64
/** B to the first instruction behind the header. */
const BRANCH = 0x1400_0000 | (HEADER / 4)
const HVC = 0xd400_0002
const SMC = 0xd400_0003
const FOR_EVER = 0x1400_0000
const UART = 0x0900_0000n

/** MOVZ and MOVK of all 64 bits. */
const load = (register: number, value: bigint): readonly number[] =>
  [0, 1, 2, 3].map(part => {
    const word = Number((value >> BigInt(16 * part)) & 0xffffn)
    return ((part === 0 ? 0xd280_0000 : 0xf280_0000) | (part << 21) | (word << 5) | register) >>> 0
  })

/** STRB W3, [X4] to the UART. */
const print = (letter: string): readonly number[] => [...load(3, BigInt(letter.charCodeAt(0))), ...load(4, UART), 0x3900_0083]

/** An arm64 Image that prints `letter` and makes the calls, one after the other. */
export function callingKernel(calls: readonly FirmwareCall[], letter = 'k'): Uint8Array {
  const code = [
    ...print(letter),
    ...calls.flatMap(({ id, x1 = 0n, x2 = 0n, conduit = 'hvc' }) => [...load(0, BigInt(id)), ...load(1, x1), ...load(2, x2), conduit === 'hvc' ? HVC : SMC]),
    FOR_EVER,
  ]
  const image = arm64Image({ code: 4 * code.length })
  const view = new DataView(image.buffer)
  view.setUint32(0, BRANCH, true)
  for (const [n, word] of code.entries()) view.setUint32(HEADER + 4 * n, word, true)
  return image
}

export const OFF: FirmwareCall = { id: 0x8400_0008 }
export const RESET: FirmwareCall = { id: 0x8400_0009 }
export const OFF2: FirmwareCall = { id: 0xc400_0015, x1: 1n }
