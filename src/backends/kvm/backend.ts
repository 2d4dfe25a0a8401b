// Owns the back end over a KVM host (a real one, or a build behind the same verbs): KVM's verbs made comfortable, a board's devices behind MMIO exits,
// all vCPUs run in turns on one thread. Judges nothing.
import { ERRNO, errnoName } from '../../arch/errno.ts'
import { type Feature, featureMask } from '../../arch/features.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { regBytes } from '../../arch/reg-id.ts'
import { BOARD_DEVICES, type BoardConsole, collectOutput } from '../../emulator/board/devices.ts'
import type { AccessSize } from '../../emulator/devices/device.ts'
import { KVM_CAP, MP_STATE } from '../../emulator/kvm/abi.ts'
import { type Bus, createBus } from '../../emulator/machine/bus.ts'
import { SnapError } from '../../errors.ts'
import type { DeviceSnapshot, MemoryRegion, MpState } from '../../model/snapshot.ts'
import type { Backend, BackendVcpu, BackendVm, VcpuExit, VmOptions } from '../backend.ts'
import type { AbiExit, AbiHost, AbiVcpu, AbiVm } from '../kvm-abi.ts'

export interface KvmVmOptions extends VmOptions {
  /** With a console at the place where the board has it; its output is collected. */
  readonly board?: boolean
  readonly saved?: { readonly devices?: readonly DeviceSnapshot[] }
}
export interface KvmBackend extends Backend {
  readonly kind: 'kvm'
  readonly host: AbiHost
  createVm(options: KvmVmOptions): Promise<KvmVm>
}
/** Why a run of all vCPUs ended. */
export type KvmStop =
  | { readonly kind: 'time' }
  | { readonly kind: 'exit'; readonly vcpu: number; readonly exit: Exclude<VcpuExit, { readonly kind: 'budget' }> }

export interface KvmVm extends BackendVm {
  /** Runs all vCPUs in turns for at most `milliseconds` of this thread's time, looking at the signal between turns. */
  runAll(milliseconds: number, signal?: AbortSignal): Promise<KvmStop>
  readonly ran: boolean
  console(): string
  devices(): readonly DeviceSnapshot[]
  /** Views of guest memory, live. */
  memory(): readonly MemoryRegion[]
}

/** A turn of one vCPU; a vCPU that waits gives it up only when it is over. */
const TURN_MS = 20
const DEFAULT_RUN_MS = 1000
const FINALIZE_SVE = 4
const PMU_INTERRUPT = 23
const CHUNK = 1 << 20
const STATE_NAMES: ReadonlyMap<number, MpState> = new Map([
  [MP_STATE.runnable, 'runnable'],
  [MP_STATE.stopped, 'stopped'],
  [MP_STATE.suspended, 'suspended'],
])

export function kvmBackend(host: AbiHost): KvmBackend {
  return { kind: 'kvm', description: host.description, host, createVm: async options => createKvmVm(host, options) }
}

async function createKvmVm(host: AbiHost, options: KvmVmOptions): Promise<KvmVm> {
  const vm = host.createVm()
  try {
    for (const [wanted, capability] of [
      [options.systemSuspend, KVM_CAP.systemSuspend],
      [options.writableImpIdRegs, KVM_CAP.writableImpIdRegs],
    ] as const) {
      const errno = wanted ? vm.enableCapability(capability) : 0
      if (errno !== 0)
        throw new SnapError('KERNEL_REFUSED', `${host.description} refuses KVM capability ${capability}, which the VM was saved with: ${errnoName(errno)}`)
    }
    const ram = (options.memory ?? []).map(({ start, size }) => ({ start, bytes: vm.addMemory(start, size) }))
    return new KvmVmOverAbi(host, vm, ram, options)
  } catch (error) {
    vm.close()
    throw error
  }
}

class KvmVmOverAbi implements KvmVm {
  readonly #host: AbiHost
  readonly #vm: AbiVm
  readonly #ram: readonly { readonly start: bigint; readonly bytes: Uint8Array }[]
  readonly #options: KvmVmOptions
  readonly #vcpus: KvmVcpuOverAbi[] = []
  readonly #bus: Bus | undefined
  readonly #output: BoardConsole = { text: '' }
  ran = false

  constructor(host: AbiHost, vm: AbiVm, ram: readonly { readonly start: bigint; readonly bytes: Uint8Array }[], options: KvmVmOptions) {
    this.#host = host
    this.#vm = vm
    this.#ram = ram
    this.#options = options
    const send = collectOutput(this.#output)
    const env = (name: string) => ({ now: () => 0n, interrupt: () => {}, output: (byte: number) => send(name, byte) })
    this.#bus = options.board ? createBus(BOARD_DEVICES, env, options.saved?.devices) : undefined
  }

  async createVcpu(index: number): Promise<BackendVcpu> {
    const vcpu = new KvmVcpuOverAbi(this.#vm.createVcpu(index), this.#bus, this.#options.gic !== 'none', () => {
      this.ran = true
    })
    this.#vcpus.push(vcpu)
    return vcpu
  }

  async finishSetup(): Promise<void> {
    if (this.#options.gic !== 'none') {
      const errno = this.#vm.createGic(this.#options.gic)
      if (errno !== 0) throw new SnapError('KERNEL_REFUSED', `${this.#host.description} creates no GIC${this.#options.gic}: ${errnoName(errno)}`)
    }
    for (const vcpu of this.#vcpus) vcpu.finishSetup()
  }

  async setSmcccFilter(range: Parameters<AbiVm['setSmcccFilter']>[0]): Promise<number> {
    return this.#vm.setSmcccFilter(range)
  }
  async setCounterOffset(offset: bigint): Promise<number> {
    return this.#vm.setCounterOffset(offset)
  }
  async checkExtension(capability: number): Promise<number> {
    return this.#vm.checkExtension(capability)
  }

  async writeMemory(address: bigint, bytes: Uint8Array): Promise<void> {
    this.#range(address, bytes.length).set(bytes)
  }
  async readMemory(address: bigint, length: number): Promise<Uint8Array> {
    return this.#range(address, length).slice()
  }
  #range(address: bigint, length: number): Uint8Array {
    const region = this.#ram.find(({ start, bytes }) => address >= start && address + BigInt(length) <= start + BigInt(bytes.length))
    if (!region) throw new SnapError('USAGE', `there is no memory of ${length} bytes at 0x${address.toString(16)}`)
    const from = Number(address - region.start)
    return region.bytes.subarray(from, from + length)
  }

  async runAll(milliseconds: number, signal?: AbortSignal): Promise<KvmStop> {
    const end = performance.now() + milliseconds
    for (;;) {
      for (const vcpu of this.#vcpus) {
        await new Promise(resolve => setImmediate(resolve))
        signal?.throwIfAborted()
        if ((await vcpu.getMpState()) !== 'runnable') continue
        const exit = await vcpu.run({ milliseconds: TURN_MS })
        if (exit.kind !== 'budget') return { kind: 'exit', vcpu: vcpu.index, exit }
      }
      if (performance.now() >= end) return { kind: 'time' }
    }
  }

  console(): string {
    return this.#output.text
  }
  devices(): readonly DeviceSnapshot[] {
    return this.#bus?.save() ?? []
  }
  memory(): readonly MemoryRegion[] {
    return this.#ram.map(({ start, bytes }, i) => ({
      name: i === 0 ? 'ram' : `ram${i}`,
      start,
      size: bytes.length,
      *chunks() {
        for (let offset = 0; offset < bytes.length; offset += CHUNK) {
          const data = bytes.subarray(offset, offset + CHUNK)
          if (!Buffer.from(data.buffer, data.byteOffset, data.length).equals(ZEROS.subarray(0, data.length))) yield { offset, data }
        }
      },
    }))
  }
  async close(): Promise<void> {
    this.#vm.close()
  }
}

const ZEROS = Buffer.alloc(CHUNK)

class KvmVcpuOverAbi implements BackendVcpu {
  readonly index: number
  readonly #vcpu: AbiVcpu
  readonly #bus: Bus | undefined
  readonly #hasGic: boolean
  readonly #onRun: () => void
  #features = 0

  constructor(vcpu: AbiVcpu, bus: Bus | undefined, hasGic: boolean, onRun: () => void) {
    this.index = vcpu.index
    this.#vcpu = vcpu
    this.#bus = bus
    this.#hasGic = hasGic
    this.#onRun = onRun
  }

  async init(features: readonly Feature[]): Promise<number> {
    this.#features = featureMask(features)
    return this.#vcpu.init([this.#features])
  }
  async finalizeSve(): Promise<number> {
    return this.#vcpu.finalize(FINALIZE_SVE)
  }
  /** A PMU must be initialised before the first run, after the GIC. */
  finishSetup(): void {
    if (!(this.#features & featureMask(['pmu_v3']))) return
    const errno = this.#vcpu.initPmu(this.#hasGic ? PMU_INTERRUPT : undefined)
    if (errno !== 0) throw new SnapError('KERNEL_REFUSED', `the PMU of vCPU ${this.index} cannot be initialised: ${errnoName(errno)}`, { vcpu: this.index })
  }

  async regList() {
    const { errno, ids } = this.#vcpu.regList()
    return { errno, ids: Array.from(ids) as RegId[] }
  }
  async getRegs(ids: BigUint64Array): Promise<{ readonly bytes: Uint8Array; readonly errnos: Int32Array }> {
    const parts = [...ids].map(id => ({ ...this.#vcpu.getReg(id), size: regBytes(id as RegId) }))
    const bytes = new Uint8Array(parts.reduce((sum, { size }) => sum + size, 0))
    let at = 0
    for (const part of parts) {
      if (part.bytes) bytes.set(part.bytes, at)
      at += part.size
    }
    return { bytes, errnos: Int32Array.from(parts, ({ errno }) => errno) }
  }
  async setRegs(ids: BigUint64Array, bytes: Uint8Array): Promise<Int32Array> {
    let at = 0
    return Int32Array.from(ids, id => {
      const size = regBytes(id as RegId)
      return this.#vcpu.setReg(id, bytes.subarray(at, (at += size)))
    })
  }
  async getMpState(): Promise<MpState> {
    return STATE_NAMES.get(this.#vcpu.getMpState()) ?? 'runnable'
  }
  async setMpState(state: MpState): Promise<number> {
    return this.#vcpu.setMpState(MP_STATE[state])
  }
  async getEvents() {
    return this.#vcpu.getEvents().events
  }
  async setEvents(events: Parameters<AbiVcpu['setEvents']>[0]): Promise<number> {
    return this.#vcpu.setEvents(events)
  }

  /** Devices of the board answer here; what they do not is an exit. `milliseconds` bounds the time of this thread. */
  async run({
    milliseconds = DEFAULT_RUN_MS,
    signal,
  }: {
    readonly budget?: number
    readonly milliseconds?: number
    readonly signal?: AbortSignal
  }): Promise<VcpuExit> {
    signal?.throwIfAborted()
    this.#onRun()
    const end = performance.now() + milliseconds
    for (;;) {
      const exit = this.#vcpu.run(Math.max(1, end - performance.now()))
      const access = exit.errno === 0 ? exit.mmio : undefined
      const found = access && this.#bus?.find(access.address)
      if (!access || !found) return backendExit(exit)
      if (access.write) found.device.write(found.offset, access.size as AccessSize, access.data)
      else this.#vcpu.answerMmio(found.device.read(found.offset, access.size as AccessSize))
      if (performance.now() >= end) return { kind: 'budget' }
    }
  }
}

function backendExit({ errno, reason, mmio, systemEvent, hypercall, nisv }: AbiExit): VcpuExit {
  if (errno === ERRNO.EINTR) return { kind: 'budget' }
  if (errno !== 0) return { kind: 'error', errno }
  if (mmio) return { kind: 'mmio', ...mmio }
  if (systemEvent)
    return {
      kind: 'system-event',
      type: systemEvent.type,
      ndata: systemEvent.ndata,
      data: systemEvent.data.map(word => word ?? 0n).slice(0, systemEvent.ndata ?? 1),
    }
  if (hypercall) return { kind: 'hypercall', ...hypercall }
  if (nisv) return { kind: 'nisv', ...nisv }
  return { kind: 'other', reason }
}
