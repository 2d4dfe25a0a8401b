// Owns the virtio block device (virtio 1.2, §5.2) over a disk that its surroundings give it: read, write, flush, identify. Knows no file.
import type { Disk } from '../device.ts'
import type { VirtioFunction, VirtioFunctionType } from './function.ts'
import { BrokenQueue, type Chain, gather, lengthOf, scatter, tail } from './queue.ts'
import { virtioMmio } from './transport.ts'

const FEATURE = { sizeMax: 1n << 1n, segMax: 1n << 2n, readOnly: 1n << 5n, blockSize: 1n << 6n, flush: 1n << 9n } as const
const REQUEST = { in: 0, out: 1, flush: 4, getId: 8 } as const
const ANSWER = { ok: 0, ioError: 1, unsupported: 2 } as const
const SECTOR = 512
const HEADER_BYTES = 16
const ID_BYTES = 20
const QUEUE = 256
/** Bytes of a data segment, and segments of a request: as in other VMMs. Together below MOST_CHAIN_BYTES. */
const SEGMENT_BYTES = 128 << 10
const SEGMENTS = 126
/** What GET_ID answers. */
const ID = 'psci-snap'

const NO_STATE = {}
type NoState = Readonly<Record<string, never>>

const block: VirtioFunctionType<NoState> = {
  kind: 'virtio-blk',
  id: 2,
  queues: [QUEUE],
  fields: [],
  parse: () => NO_STATE,
  create: ({ memory, disk }): VirtioFunction<NoState> => {
    /** Data for the guest, or what the request came to. */
    function perform(chain: Chain): { readonly data?: Uint8Array; readonly status: number } {
      const request = gather(memory, chain.readable)
      const room = lengthOf(chain.writable) - 1
      if (request.length < HEADER_BYTES) throw new BrokenQueue('a block request without a header')
      const view = new DataView(request.buffer)
      const offset = view.getBigUint64(8, true) * BigInt(SECTOR)
      switch (view.getUint32(0, true)) {
        case REQUEST.in:
          return disk && isInside(disk, offset, room) ? { data: disk.read(Number(offset), room), status: ANSWER.ok } : { status: ANSWER.ioError }
        case REQUEST.out: {
          const data = request.subarray(HEADER_BYTES)
          if (!disk || disk.readOnly || !isInside(disk, offset, data.length)) return { status: ANSWER.ioError }
          disk.write(Number(offset), data)
          return { status: ANSWER.ok }
        }
        case REQUEST.flush:
          disk?.flush()
          return { status: disk ? ANSWER.ok : ANSWER.ioError }
        case REQUEST.getId:
          return { data: new TextEncoder().encode(ID.padEnd(ID_BYTES, '\0')).subarray(0, Math.min(ID_BYTES, room)), status: ANSWER.ok }
        default:
          return { status: ANSWER.unsupported }
      }
    }
    return {
      features: FEATURE.sizeMax | FEATURE.segMax | FEATURE.blockSize | FEATURE.flush | (disk?.readOnly ? FEATURE.readOnly : 0n),
      config() {
        const bytes = new Uint8Array(0x18)
        const view = new DataView(bytes.buffer)
        view.setBigUint64(0, BigInt(Math.floor((disk?.size ?? 0) / SECTOR)), true)
        view.setUint32(8, SEGMENT_BYTES, true)
        view.setUint32(12, SEGMENTS, true)
        view.setUint32(20, SECTOR, true)
        return bytes
      },
      handle(_queue, chain) {
        const room = lengthOf(chain.writable)
        if (room === 0) throw new BrokenQueue('a block request without room for its status')
        const { data, status } = performed(() => perform(chain))
        const written = data ? scatter(memory, chain.writable, data) : 0
        // The status is the last byte that the driver made room for.
        scatter(memory, tail(chain.writable, room - 1), Uint8Array.of(status))
        return { written: written + 1 }
      },
      reset: () => {},
      save: () => NO_STATE,
    }
  },
}

const isInside = (disk: Disk, offset: bigint, length: number): boolean => length % SECTOR === 0 && offset + BigInt(length) <= BigInt(disk.size)

/** What the disk's owner throws is an I/O error of the guest's disk. */
function performed<T>(request: () => T): T | { readonly data?: Uint8Array; readonly status: number } {
  try {
    return request()
  } catch (error) {
    if (error instanceof BrokenQueue) throw error
    return { status: ANSWER.ioError }
  }
}

export const virtioBlock = virtioMmio(block)
