// Owns the virtio entropy device (virtio 1.2, §5.4): bytes of a generator that is one saved number, so the same machine draws the same.
import { nextEntropy } from '../../firmware/trng.ts'
import type { DeviceType } from '../device.ts'
import { savedU64 } from '../saved-fields.ts'
import type { VirtioFunction, VirtioFunctionType } from './function.ts'
import { lengthOf, scatter } from './queue.ts'
import { type VirtioState, virtioMmio } from './transport.ts'

interface RngState {
  readonly entropy: bigint
}
const QUEUE = 8
/** Bytes of one answer: a driver that asks for more gets less, as it may. */
const MOST_BYTES = 64 << 10

const entropySource = (seed: bigint): VirtioFunctionType<RngState> => ({
  kind: 'virtio-rng',
  id: 4,
  queues: [QUEUE],
  fields: ['entropy'],
  parse: ({ entropy }) => ({ entropy: savedU64('virtio-rng', 'entropy', entropy) }),
  create: ({ memory }, saved): VirtioFunction<RngState> => {
    let entropy = saved?.entropy ?? BigInt.asUintN(64, seed)
    const draw = (length: number): Uint8Array => {
      const bytes = new Uint8Array(Math.ceil(length / 8) * 8)
      const view = new DataView(bytes.buffer)
      for (let at = 0; at < bytes.length; at += 8) {
        const { state, value } = nextEntropy(entropy)
        entropy = state
        view.setBigUint64(at, value, true)
      }
      return bytes.subarray(0, length)
    }
    return {
      features: 0n,
      config: () => new Uint8Array(0),
      handle: (_queue, chain) => ({ written: scatter(memory, chain.writable, draw(Math.min(MOST_BYTES, lengthOf(chain.writable)))) }),
      reset: () => {},
      save: () => ({ entropy }),
    }
  },
})

/** An entropy device that starts with this seed of 64 bits; a saved one goes on where it was. */
export const virtioRng = (seed: bigint): DeviceType<VirtioState<RngState>> => virtioMmio(entropySource(seed))
