// Owns the virtio console (virtio 1.2, §5.3) with its one port: what the guest sends leaves at once, what arrives waits for a buffer of the guest's.
import { savedBytes } from '../saved-fields.ts'
import type { VirtioFunction, VirtioFunctionType } from './function.ts'
import { gather, lengthOf, scatter } from './queue.ts'
import { virtioMmio } from './transport.ts'

const RECEIVE = 0
const QUEUE = 64
/** Bytes that wait for a buffer of the guest's; whoever sends keeps the rest. */
const MOST_WAITING = 4096

interface ConsoleState {
  /** What arrived and has not been taken by the guest, oldest first. */
  readonly waiting: Uint8Array
}

const serial: VirtioFunctionType<ConsoleState> = {
  kind: 'virtio-console',
  id: 3,
  queues: [QUEUE, QUEUE],
  fields: ['waiting'],
  parse: ({ waiting }) => ({ waiting: savedBytes('virtio-console', 'waiting', waiting, MOST_WAITING) }),
  create: ({ memory, output }, saved): VirtioFunction<ConsoleState> => {
    let waiting = saved?.waiting ?? new Uint8Array(0)
    return {
      features: 0n,
      config: () => new Uint8Array(12),
      handle(queue, chain) {
        if (queue !== RECEIVE) {
          for (const byte of gather(memory, chain.readable)) output(byte)
          return { written: 0 }
        }
        if (waiting.length === 0) return 'keep'
        const written = scatter(memory, chain.writable, waiting.subarray(0, lengthOf(chain.writable)))
        waiting = waiting.slice(written)
        return { written }
      },
      input(bytes) {
        const taken = Math.min(bytes.length, MOST_WAITING - waiting.length)
        const next = new Uint8Array(waiting.length + taken)
        next.set(waiting)
        next.set(bytes.subarray(0, taken), waiting.length)
        waiting = next
        return { taken, queue: RECEIVE }
      },
      reset: () => {},
      save: () => ({ waiting: waiting.slice() }),
    }
  },
}

export const virtioConsole = virtioMmio(serial)
