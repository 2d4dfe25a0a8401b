// A driver for one virtio-mmio device, as small as one can be: what a guest's does, with rings in the watched memory.
import type { Device } from '../../../../src/emulator/devices/device.ts'
import { INTERRUPT, STATUS } from '../../../../src/emulator/devices/virtio/transport.ts'
import { MEMORY_START, type Watched } from '../watched.ts'

export const REG = {
  magic: 0x000,
  version: 0x004,
  deviceId: 0x008,
  deviceFeatures: 0x010,
  deviceFeaturesSel: 0x014,
  driverFeatures: 0x020,
  driverFeaturesSel: 0x024,
  queueSel: 0x030,
  queueNumMax: 0x034,
  queueNum: 0x038,
  queueReady: 0x044,
  queueNotify: 0x050,
  interruptStatus: 0x060,
  interruptAck: 0x064,
  status: 0x070,
  desc: 0x080,
  driver: 0x090,
  device: 0x0a0,
  config: 0x100,
} as const

/** Bytes of memory that each queue has for its rings, and where data begins. */
const RINGS = 0x1000
const DATA = 0x4000
export const SIZE = 8

export interface Buffer {
  /** Bytes for the device to read, or how many it may write. */
  readonly out?: Uint8Array
  readonly in?: number
}

export interface Driver {
  reg(offset: number): number
  set(offset: number, value: number): void
  /** Acknowledges, negotiates and starts the device with all its queues. Gives the features. */
  start(queues: number, features?: bigint): bigint
  /** Offers a chain and notifies; gives what the device wrote into it, or undefined when it kept it. */
  request(queue: number, buffers: readonly Buffer[]): { readonly written: number; readonly data: Uint8Array } | undefined
  /** Offers a chain without notifying. */
  offer(queue: number, buffers: readonly Buffer[]): () => { readonly written: number; readonly data: Uint8Array } | undefined
  readonly needsReset: boolean
  acknowledge(): number
  /** Guest physical address of a queue's descriptor, driver and device ring. */
  rings(queue: number): { readonly desc: bigint; readonly driver: bigint; readonly device: bigint }
}

export function driver(device: Device<unknown>, env: Watched): Driver {
  const view = new DataView(env.ram.buffer)
  const reg = (offset: number): number => Number(device.read(offset, 4))
  const set = (offset: number, value: number): void => device.write(offset, 4, BigInt(value >>> 0))
  const local = (address: bigint): number => Number(address - MEMORY_START)
  const rings = (queue: number) => {
    const base = MEMORY_START + BigInt(queue * RINGS)
    return { desc: base, driver: base + 0x400n, device: base + 0x800n }
  }
  const offered = [0, 0, 0, 0]
  let nextData = DATA

  function offer(queue: number, buffers: readonly Buffer[]) {
    const { desc, driver: ring, device: used } = rings(queue)
    const slot = offered[queue]! % SIZE
    const places = buffers.map((buffer, n) => {
      const length = buffer.out?.length ?? buffer.in ?? 0
      const at = nextData
      nextData += length
      if (buffer.out) env.ram.set(buffer.out, at)
      const row = local(desc) + 16 * n
      view.setBigUint64(row, MEMORY_START + BigInt(at), true)
      view.setUint32(row + 8, length, true)
      view.setUint16(row + 12, (buffer.out ? 0 : 2) | (n + 1 < buffers.length ? 1 : 0), true)
      view.setUint16(row + 14, n + 1, true)
      return { at, length, isIn: !buffer.out }
    })
    const before = view.getUint16(local(used) + 2, true)
    view.setUint16(local(ring) + 4 + 2 * slot, 0, true)
    offered[queue]!++
    view.setUint16(local(ring) + 2, offered[queue]! & 0xffff, true)
    return () => {
      if (view.getUint16(local(used) + 2, true) === before) return undefined
      const element = local(used) + 4 + 8 * (before % SIZE)
      const data = places.filter(each => each.isIn).flatMap(({ at, length }) => [...env.ram.subarray(at, at + length)])
      return { written: view.getUint32(element + 4, true), data: Uint8Array.from(data) }
    }
  }

  return {
    reg,
    set,
    rings,
    offer,
    start(queues, features) {
      set(REG.status, 0)
      set(REG.status, STATUS.acknowledge)
      set(REG.status, STATUS.acknowledge | STATUS.driver)
      set(REG.deviceFeaturesSel, 0)
      const low = BigInt(reg(REG.deviceFeatures))
      set(REG.deviceFeaturesSel, 1)
      const all = low | (BigInt(reg(REG.deviceFeatures)) << 32n)
      const wanted = features ?? all
      for (const half of [0, 1]) {
        set(REG.driverFeaturesSel, half)
        set(REG.driverFeatures, Number((wanted >> BigInt(32 * half)) & 0xffff_ffffn))
      }
      set(REG.status, reg(REG.status) | STATUS.featuresOk)
      for (let queue = 0; queue < queues; queue++) {
        const { desc, driver: ring, device: used } = rings(queue)
        set(REG.queueSel, queue)
        set(REG.queueNum, SIZE)
        for (const [at, address] of [
          [REG.desc, desc],
          [REG.driver, ring],
          [REG.device, used],
        ] as const) {
          set(at, Number(address & 0xffff_ffffn))
          set(at + 4, Number(address >> 32n))
        }
        set(REG.queueReady, 1)
      }
      set(REG.status, reg(REG.status) | STATUS.driverOk)
      return all
    },
    request(queue, buffers) {
      const answer = offer(queue, buffers)
      set(REG.queueNotify, queue)
      return answer()
    },
    get needsReset() {
      return (reg(REG.status) & STATUS.needsReset) !== 0
    },
    acknowledge() {
      const status = reg(REG.interruptStatus)
      set(REG.interruptAck, status & (INTERRUPT.used | INTERRUPT.config))
      return status
    },
  }
}
