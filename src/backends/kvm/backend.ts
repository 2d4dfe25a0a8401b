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
import { GuestRam } from './guest-ram.ts'

export interface KvmVmOptions extends VmOptions {
  /** Bits of a guest physical address; left out, as many as the memory needs, 40 at least where the host has them. */
  readonly ipaBits?: number
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
  /** No vCPU is on, so none will ever be by itself. */
  | { readonly kind: 'idle' }
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
/** KVM_CAP_ARM_VM_IPA_SIZE, and the size that KVM takes when it is told none. */
const CAP_IPA_SIZE = 165
const DEFAULT_IPA_BITS = 40
const STATE_NAMES: ReadonlyMap<number, MpState> = new Map([
  [MP_STATE.runnable, 'runnable'],
  [MP_STATE.stopped, 'stopped'],
  [MP_STATE.suspended, 'suspended'],
])

export function kvmBackend(host: AbiHost): KvmBackend {
  return { kind: 'kvm', description: host.description, host, createVm: async options => createKvmVm(host, options) }
}

async function createKvmVm(host: AbiHost, options: KvmVmOptions): Promise<KvmVm> {
  const memory = options.memory ?? []
  const vm = host.createVm(options.ipaBits ?? ipaBits(host, memory))
  try {
    for (const [wanted, capability] of [
      [options.systemSuspend, KVM_CAP.systemSuspend],
      [options.writableImpIdRegs, KVM_CAP.writableImpIdRegs],
    ] as const) {
      const errno = wanted ? vm.enableCapability(capability) : 0
      if (errno !== 0)
        throw new SnapError('KERNEL_REFUSED', `${host.description} refuses KVM capability ${capability}, which the VM was saved with: ${errnoName(errno)}`)
    }
    return new KvmVmOverAbi(host, vm, new GuestRam(vm, memory), options)
  } catch (error) {
    vm.close()
    throw error
  }
}

/** What KVM_CREATE_VM is asked for: undefined is its default. Throws KERNEL_REFUSED when the memory lies higher than the host reaches. */
function ipaBits(host: AbiHost, memory: readonly { readonly start: bigint; readonly size: number }[]): number | undefined {
  const highest = memory.reduce((end, { start, size }) => (start + BigInt(size) > end ? start + BigInt(size) : end), 1n) - 1n
  const needed = highest.toString(2).length
  const offered = host.checkExtension(CAP_IPA_SIZE)
  // Before 4.20 there was no choice.
  const most = offered > 0 ? offered : DEFAULT_IPA_BITS
  if (needed > most)
    throw new SnapError('KERNEL_REFUSED', `guest memory up to 0x${highest.toString(16)} needs ${needed} address bits, and ${host.description} offers ${most}`)
  if (most < DEFAULT_IPA_BITS) return most
  return needed > DEFAULT_IPA_BITS ? needed : undefined
}

class KvmVmOverAbi implements KvmVm {
  readonly #host: AbiHost
  readonly #vm: AbiVm
  readonly #ram: GuestRam
  readonly #options: KvmVmOptions
  readonly #vcpus: KvmVcpuOverAbi[] = []
  readonly #bus: Bus | undefined
  readonly #output: BoardConsole = { text: '' }
  ran = false

  constructor(host: AbiHost, vm: AbiVm, ram: GuestRam, options: KvmVmOptions) {
    this.#host = host
    this.#vm = vm
    this.#ram = ram
    this.#options = options
    const send = collectOutput(this.#output)
    // No device of this board masters the bus here.
    const memory = { read: () => undefined, write: () => false }
    const env = (name: string) => ({ now: () => 0n, interrupt: () => {}, output: (byte: number) => send(name, byte), memory })
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
    this.#ram.write(address, bytes)
  }
  async readMemory(address: bigint, length: number): Promise<Uint8Array> {
    return this.#ram.read(address, length)
  }

  async runAll(milliseconds: number, signal?: AbortSignal): Promise<KvmStop> {
    const end = performance.now() + milliseconds
    this.#ram.refresh()
    for (;;) {
      let isIdle = true
      for (const vcpu of this.#vcpus) {
        await new Promise(resolve => setImmediate(resolve))
        signal?.throwIfAborted()
        if ((await vcpu.getMpState()) !== 'runnable') continue
        isIdle = false
        const exit = await vcpu.run({ milliseconds: TURN_MS, ...(signal ? { signal } : {}) })
        if (exit.kind !== 'budget') return { kind: 'exit', vcpu: vcpu.index, exit }
      }
      if (isIdle) return { kind: 'idle' }
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
    return this.#ram.save()
  }
  async close(): Promise<void> {
    this.#ram.close()
    this.#vm.close()
  }
}

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
    const end = performance.now() + milliseconds
    for (;;) {
      const exit = this.#vcpu.run(Math.max(1, end - performance.now()))
      if (exit.errno === 0 || exit.errno === ERRNO.EINTR) this.#onRun()
      const access = exit.errno === 0 ? exit.mmio : undefined
      const found = access && this.#bus?.find(access.address)
      if (access && found) {
        if (access.write) found.device.write(found.offset, access.size as AccessSize, access.data)
        else this.#vcpu.answerMmio(found.device.read(found.offset, access.size as AccessSize))
        if (performance.now() < end) continue
        // The next to look at the registers may be a save: the access is in them by then.
        const errno = this.#vcpu.completeExit()
        return errno === 0 ? { kind: 'budget' } : { kind: 'error', errno }
      }
      if (!exit.interrupted) return backendExit(exit)
      // Whoever sent the signal may have meant us: Node tells in its event loop.
      await new Promise(resolve => setImmediate(resolve))
      signal?.throwIfAborted()
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
