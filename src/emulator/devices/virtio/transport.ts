// Owns virtio over MMIO (virtio 1.2, §4.2, version 2): registers, features, queues, interrupts. What a driver gets wrong makes the device need a reset
// (§2.1.1), never anything else. Requests are handled at the notification, so there are none under way when a machine is saved. Knows no function.
import type { AccessSize, Device, DeviceEnv, DeviceType } from '../device.ts'
import type { VirtioFunctionType } from './function.ts'
import { BrokenQueue, giveBack, peekChain, type QueueState, wantsInterrupt } from './queue.ts'
import { freshTransport, NO_QUEUE, parseTransport, type TransportState } from './transport-state.ts'

const REGISTER = {
  magic: 0x000,
  version: 0x004,
  deviceId: 0x008,
  vendorId: 0x00c,
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
  queueDescLow: 0x080,
  queueDescHigh: 0x084,
  queueDriverLow: 0x090,
  queueDriverHigh: 0x094,
  queueDeviceLow: 0x0a0,
  queueDeviceHigh: 0x0a4,
  shmLow: 0x0b0,
  shmHigh: 0x0b4,
  configGeneration: 0x0fc,
  config: 0x100,
} as const
/** `virt` in little-endian. */
const MAGIC = 0x7472_6976
const VERSION = 2
/** `psci`: nothing depends on it. */
const VENDOR = 0x6963_7370
export const STATUS = { acknowledge: 1, driver: 2, driverOk: 4, featuresOk: 8, needsReset: 0x40, failed: 0x80 } as const
export const INTERRUPT = { used: 1, config: 2 } as const
/** VIRTIO_F_VERSION_1: the only way this transport is spoken to. */
export const VERSION_1 = 1n << 32n
const U32 = 0xffff_ffffn
const low = (value: bigint, word: bigint): bigint => (value & ~U32) | word
const high = (value: bigint, word: bigint): bigint => (value & U32) | (word << 32n)

export type VirtioState<S> = TransportState & S

/** The device type of a virtio function on the MMIO transport. */
export function virtioMmio<S extends object>(behind: VirtioFunctionType<S>): DeviceType<VirtioState<S>> {
  return {
    kind: behind.kind,
    length: 0x200,
    parse: raw => {
      const { transport, own } = parseTransport(behind.kind, raw, behind.queues, behind.fields)
      return { ...transport, ...behind.parse(own) }
    },
    create: (env, saved) => createTransport(behind, env, saved),
  }
}

function createTransport<S extends object>(behind: VirtioFunctionType<S>, env: DeviceEnv, saved?: VirtioState<S>): Device<VirtioState<S>> {
  const inner = behind.create(env, saved)
  const offered = inner.features | VERSION_1
  const queues: QueueState[] = saved ? [...saved.queues] : behind.queues.map(() => NO_QUEUE)
  let { queues: _, ...state } = saved ? pick(saved) : freshTransport()
  const become = (next: Partial<typeof state>): void => {
    state = { ...state, ...next }
    env.interrupt(state.interrupt !== 0)
  }
  const reset = (): void => {
    const { queues: _, ...fresh } = freshTransport()
    behind.queues.forEach((_, n) => {
      queues[n] = NO_QUEUE
    })
    inner.reset()
    become(fresh)
  }
  const needReset = (): void =>
    become({ status: state.status | STATUS.needsReset, interrupt: state.status & STATUS.driverOk ? state.interrupt | INTERRUPT.config : state.interrupt })

  /** Handles every chain that the driver offers on this queue. */
  function serve(index: number): void {
    if ((state.status & (STATUS.driverOk | STATUS.needsReset | STATUS.failed)) !== STATUS.driverOk) return
    const before = queues[index]
    if (!before?.ready) return
    let queue = before
    try {
      // As many as there were room for: a driver that adds chains as fast as they go notifies again.
      for (let n = 0; n < queue.size; n++) {
        const chain = peekChain(env.memory, queue)
        const handled = chain && inner.handle(index, chain, state.driverFeatures)
        if (!chain || !handled || handled === 'keep') break
        queue = giveBack(env.memory, queue, chain, handled.written)
        queues[index] = queue
      }
      if (queue.given !== before.given && wantsInterrupt(env.memory, queue)) become({ interrupt: state.interrupt | INTERRUPT.used })
    } catch (error) {
      if (!(error instanceof BrokenQueue)) throw error
      needReset()
    }
  }

  function writeStatus(value: number): void {
    if (value === 0) {
      reset()
      return
    }
    const acceptable = (state.driverFeatures & ~offered) === 0n && (state.driverFeatures & VERSION_1) !== 0n
    // A driver cannot take bits back, and NEEDS_RESET is the device's to set.
    const next = state.status | (value & ~STATUS.needsReset)
    become({ status: acceptable || state.status & STATUS.featuresOk ? next : next & ~STATUS.featuresOk })
  }

  const change = (next: Partial<QueueState>): void => {
    const queue = queues[state.queueSel]
    if (queue && !queue.ready) queues[state.queueSel] = { ...queue, ...next }
  }

  function setReady(isReady: boolean): void {
    const queue = queues[state.queueSel]
    if (queue && !isReady) queues[state.queueSel] = { ...queue, ready: false, taken: 0, given: 0 }
    if (!queue || !isReady || queue.ready) return
    const isPossible = queue.size > 0 && queue.size <= behind.queues[state.queueSel]! && (queue.size & (queue.size - 1)) === 0
    if (isPossible) queues[state.queueSel] = { ...queue, ready: true }
    else needReset()
  }

  function readRegister(offset: number): number {
    switch (offset) {
      case REGISTER.magic:
        return MAGIC
      case REGISTER.version:
        return VERSION
      case REGISTER.deviceId:
        return behind.id
      case REGISTER.vendorId:
        return VENDOR
      case REGISTER.deviceFeatures:
        return state.deviceFeaturesSel > 1 ? 0 : Number((offered >> BigInt(32 * state.deviceFeaturesSel)) & U32)
      case REGISTER.queueNumMax:
        return behind.queues[state.queueSel] ?? 0
      case REGISTER.queueReady:
        return queues[state.queueSel]?.ready ? 1 : 0
      case REGISTER.interruptStatus:
        return state.interrupt
      case REGISTER.status:
        return state.status
      case REGISTER.shmLow:
      case REGISTER.shmHigh:
        return 0xffff_ffff // a length of -1: there is no such region
      default:
        return 0 // the configuration never changes, so its generation does not either
    }
  }

  const queueAt = (): QueueState => queues[state.queueSel] ?? NO_QUEUE
  const onWrite: Readonly<Record<number, (word: number, wide: bigint) => void>> = {
    [REGISTER.deviceFeaturesSel]: word => become({ deviceFeaturesSel: word }),
    [REGISTER.driverFeaturesSel]: word => become({ driverFeaturesSel: word }),
    [REGISTER.driverFeatures]: (_, wide) => {
      if (state.status & STATUS.featuresOk || state.driverFeaturesSel > 1) return
      become({ driverFeatures: (state.driverFeaturesSel === 0 ? low : high)(state.driverFeatures, wide) })
    },
    [REGISTER.queueSel]: word => become({ queueSel: word }),
    [REGISTER.queueNum]: word => change({ size: word & 0xffff }),
    [REGISTER.queueReady]: word => setReady((word & 1) !== 0),
    [REGISTER.queueNotify]: serve,
    [REGISTER.interruptAck]: word => become({ interrupt: state.interrupt & ~word }),
    [REGISTER.status]: word => writeStatus(word & 0xff),
    [REGISTER.queueDescLow]: (_, wide) => change({ descriptors: low(queueAt().descriptors, wide) }),
    [REGISTER.queueDescHigh]: (_, wide) => change({ descriptors: high(queueAt().descriptors, wide) }),
    [REGISTER.queueDriverLow]: (_, wide) => change({ driver: low(queueAt().driver, wide) }),
    [REGISTER.queueDriverHigh]: (_, wide) => change({ driver: high(queueAt().driver, wide) }),
    [REGISTER.queueDeviceLow]: (_, wide) => change({ device: low(queueAt().device, wide) }),
    [REGISTER.queueDeviceHigh]: (_, wide) => change({ device: high(queueAt().device, wide) }),
  }

  if (state.interrupt !== 0) env.interrupt(true)
  return {
    read(offset, size) {
      if (offset >= REGISTER.config) return readConfig(inner.config(), offset - REGISTER.config, size)
      // Registers are 32 bits wide and accessed so; anything else is not defined.
      return size === 4 && offset % 4 === 0 ? BigInt(readRegister(offset)) : 0n
    },
    write(offset, size, value) {
      if (size === 4 && offset % 4 === 0 && offset < REGISTER.config) onWrite[offset]?.(Number(value & U32), value & U32)
    },
    ...(inner.input
      ? {
          input: (bytes: Uint8Array) => {
            const { taken, queue } = inner.input!(bytes)
            serve(queue)
            return taken
          },
        }
      : {}),
    save: () => ({ ...state, queues: [...queues], ...inner.save() }),
  }
}

const pick = ({ status, driverFeatures, deviceFeaturesSel, driverFeaturesSel, queueSel, interrupt, queues }: TransportState): TransportState => ({
  status,
  driverFeatures,
  deviceFeaturesSel,
  driverFeaturesSel,
  queueSel,
  interrupt,
  queues,
})

function readConfig(config: Uint8Array, offset: number, size: AccessSize): bigint {
  let value = 0n
  for (let n = size - 1; n >= 0; n--) value = (value << 8n) | BigInt(config[offset + n] ?? 0)
  return value
}
