// Owns /dev/kvm as AbiHost, AbiVm and AbiVcpu: descriptors, structures, errnos. Judges nothing; what is a rule of KVM is the kernel's business.
import { closeSync, openSync } from 'node:fs'
import { release } from 'node:os'
import { ERRNO, errnoName } from '../../arch/errno.ts'
import { KVM_EXIT } from '../../arch/exits.ts'
import { type RegId, regBytes, sysRegId } from '../../arch/reg-id.ts'
import { SnapError } from '../../errors.ts'
import type { SmcccFilterRange, VcpuEvents } from '../../model/snapshot.ts'
import type { AbiExit, AbiHost, AbiVcpu, AbiVm } from '../kvm-abi.ts'
import { DEVICE, IOCTL, type IoctlName, KVM_RUN_LAYOUT, PMU_ATTRIBUTE, VGIC, VM_ATTRIBUTE } from './ioctls.ts'
import { type Libc, type Mapping, openLibc } from './libc.ts'

/** Room for structures and lists that are passed to the kernel: the longest is a register list. */
const SCRATCH_BYTES = 256 << 10
const DATA = 4096
const LIST_ROOM = 8192
const API_VERSION = 12
/** KVM_CREATE_VM's type on arm64: the IPA size in its low byte, 0 for 40 bits (KVM_VM_TYPE_ARM_IPA_SIZE). */
const IPA_MASK = 0xff
const ACTIONS: Readonly<Record<SmcccFilterRange['action'], number>> = { handle: 0, deny: 1, forward: 2 }
/** What system_event is filled with before a run, to see what the kernel writes. */
const UNWRITTEN = 0xa5
const UNWRITTEN_32 = 0xa5a5_a5a5
const UNWRITTEN_64 = 0xa5a5_a5a5_a5a5_a5a5n
/** Where the probe's GIC lies; guests of ours have nothing else there. */
const GIC_DISTRIBUTOR = 0x0800_0000n
const GIC_SECOND = { v2: 0x0801_0000n, v3: 0x080a_0000n } as const
const GIC_IRQS = 64

/** Structures for the kernel, in native memory that nothing moves. */
class Scratch {
  readonly #libc: Libc
  readonly #mapping: Mapping
  readonly view: DataView
  readonly bytes: Uint8Array

  constructor(libc: Libc) {
    this.#libc = libc
    this.#mapping = libc.map(SCRATCH_BYTES)
    this.bytes = this.#mapping.bytes
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length)
  }

  get data(): bigint {
    return BigInt(this.#mapping.address + DATA)
  }
  plain(fd: number, name: IoctlName, argument = 0): number {
    return this.#libc.ioctl(fd, IOCTL[name].request, argument)
  }
  /** With the structure that stands at the start of the scratch memory. */
  struct(fd: number, name: IoctlName): number {
    return this.#libc.ioctl(fd, IOCTL[name].request, this.#mapping.address)
  }
  free(): void {
    this.#mapping.unmap()
  }
}

const errnoOf = (result: number): number => (result < 0 ? -result : 0)

/** Throws BACKEND_ABSENT with what to do, when the device is absent, not permitted, or not KVM for arm64. */
export async function openKvmHost(device = '/dev/kvm'): Promise<AbiHost> {
  if (process.arch !== 'arm64')
    throw new SnapError(
      'BACKEND_ABSENT',
      `real KVM needs an arm64 host; this one is ${process.arch}`,
      {},
      { hint: 'use the built-in machine: --backend emulator' },
    )
  const libc = await openLibc()
  let fd: number
  try {
    fd = openSync(device, 'r+')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new SnapError(
      'BACKEND_ABSENT',
      `${device}: ${REASONS[code ?? ''] ?? `cannot be opened (${code})`}`,
      {},
      { cause, hint: HINTS[code ?? ''] ?? 'see `dmesg | grep kvm`' },
    )
  }
  const scratch = new Scratch(libc)
  const version = scratch.plain(fd, 'KVM_GET_API_VERSION')
  if (version !== API_VERSION) {
    closeSync(fd)
    scratch.free()
    throw new SnapError('BACKEND_ABSENT', `${device} speaks KVM API ${version}, not ${API_VERSION}`)
  }
  const runBytes = scratch.plain(fd, 'KVM_GET_VCPU_MMAP_SIZE')
  process.on('SIGALRM', ignoreAlarm)
  return {
    description: release(),
    apiVersion: () => version,
    checkExtension: capability => Math.max(-1, scratch.plain(fd, 'KVM_CHECK_EXTENSION', capability)),
    createVm(ipaBits = 0) {
      const vm = scratch.plain(fd, 'KVM_CREATE_VM', ipaBits & IPA_MASK)
      if (vm < 0) throw new SnapError('KERNEL_REFUSED', `KVM_CREATE_VM fails with ${errnoName(-vm)}`)
      return new KvmVm(vm, runBytes, libc, scratch)
    },
    close() {
      process.off('SIGALRM', ignoreAlarm)
      closeSync(fd)
      scratch.free()
    },
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such device',
  EACCES: 'you may not open it',
  EPERM: 'you may not open it',
  ENODEV: 'the kernel has no KVM on this machine',
  ENXIO: 'the kernel has no KVM on this machine',
}
const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'the kernel needs CONFIG_KVM and must have been started at EL2; inside a VM, the outer host must offer nested virtualization',
  EACCES: 'join the group that owns the device: `sudo usermod -aG kvm $USER`, then log in again',
  EPERM: 'join the group that owns the device: `sudo usermod -aG kvm $USER`, then log in again',
}

class KvmVm implements AbiVm {
  readonly #fd: number
  readonly #runBytes: number
  readonly #libc: Libc
  readonly #scratch: Scratch
  readonly #memory: Mapping[] = []
  readonly #vcpus: KvmVcpu[] = []
  readonly #devices: number[] = []
  #target: number | undefined

  constructor(fd: number, runBytes: number, libc: Libc, scratch: Scratch) {
    this.#fd = fd
    this.#runBytes = runBytes
    this.#libc = libc
    this.#scratch = scratch
  }

  checkExtension(capability: number): number {
    return Math.max(-1, this.#scratch.plain(this.#fd, 'KVM_CHECK_EXTENSION', capability))
  }

  enableCapability(capability: number, argument = 0n): number {
    const { view, bytes } = this.#scratch
    bytes.fill(0, 0, 104)
    view.setUint32(0, capability, true)
    view.setBigUint64(8, argument, true)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_ENABLE_CAP'))
  }

  preferredTarget(): { readonly errno: number; readonly target: number; readonly features: readonly number[] } {
    const { view, bytes } = this.#scratch
    bytes.fill(0, 0, 32)
    const errno = errnoOf(this.#scratch.struct(this.#fd, 'KVM_ARM_PREFERRED_TARGET'))
    return { errno, target: view.getUint32(0, true), features: Array.from({ length: 7 }, (_, i) => view.getUint32(4 + 4 * i, true)) }
  }

  addMemory(start: bigint, size: number): Uint8Array {
    const mapping = this.#libc.map(size)
    const { view } = this.#scratch
    view.setUint32(0, this.#memory.length, true)
    view.setUint32(4, 0, true)
    view.setBigUint64(8, start, true)
    view.setBigUint64(16, BigInt(size), true)
    view.setBigUint64(24, BigInt(mapping.address), true)
    const errno = errnoOf(this.#scratch.struct(this.#fd, 'KVM_SET_USER_MEMORY_REGION'))
    if (errno !== 0) {
      mapping.unmap()
      throw new SnapError('KERNEL_REFUSED', `KVM_SET_USER_MEMORY_REGION of ${size} bytes at 0x${start.toString(16)} fails with ${errnoName(errno)}`)
    }
    this.#memory.push(mapping)
    return mapping.bytes
  }

  createVcpu(index: number): KvmVcpu {
    const fd = this.#scratch.plain(this.#fd, 'KVM_CREATE_VCPU', index)
    if (fd < 0) throw new SnapError('KERNEL_REFUSED', `KVM_CREATE_VCPU ${index} fails with ${errnoName(-fd)}`, { vcpu: index })
    this.#target ??= this.preferredTarget().target
    let run: Mapping
    try {
      run = this.#libc.map(this.#runBytes, fd)
    } catch (error) {
      closeSync(fd)
      throw error
    }
    const vcpu = new KvmVcpu(index, fd, run, this.#target, this.#libc, this.#scratch)
    this.#vcpus.push(vcpu)
    return vcpu
  }

  createGic(version: 'v2' | 'v3'): number {
    const { view } = this.#scratch
    view.setUint32(0, version === 'v2' ? DEVICE.vgicV2 : DEVICE.vgicV3, true)
    view.setUint32(4, 0, true)
    view.setUint32(8, 0, true)
    const errno = errnoOf(this.#scratch.struct(this.#fd, 'KVM_CREATE_DEVICE'))
    if (errno !== 0) return errno
    const fd = view.getUint32(4, true)
    this.#devices.push(fd)
    const [first, second] = version === 'v2' ? [VGIC.v2.distributor, VGIC.v2.cpu] : [VGIC.v3.distributor, VGIC.v3.redistributor]
    return (
      this.#attribute(fd, VGIC.groupAddress, first, GIC_DISTRIBUTOR) ||
      this.#attribute(fd, VGIC.groupAddress, second, GIC_SECOND[version]) ||
      this.#attribute(fd, VGIC.groupIrqs, 0, BigInt(GIC_IRQS)) ||
      this.#attribute(fd, VGIC.groupControl, VGIC.controlInit, undefined)
    )
  }

  #attribute(fd: number, group: number, attribute: number, value: bigint | undefined): number {
    return setAttribute(this.#scratch, fd, group, attribute, value)
  }

  hasSmcccFilter(): number {
    attributeStruct(this.#scratch, VM_ATTRIBUTE.smcccFilterGroup, VM_ATTRIBUTE.smcccFilter, 0n)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_HAS_DEVICE_ATTR'))
  }

  setSmcccFilter(range: { readonly base: number; readonly count: number; readonly action: SmcccFilterRange['action'] | number }): number {
    const { view, bytes, data } = this.#scratch
    bytes.fill(0, DATA, DATA + 64)
    view.setUint32(DATA, range.base, true)
    view.setUint32(DATA + 4, range.count, true)
    view.setUint8(DATA + 8, typeof range.action === 'number' ? range.action : ACTIONS[range.action])
    attributeStruct(this.#scratch, VM_ATTRIBUTE.smcccFilterGroup, VM_ATTRIBUTE.smcccFilter, data)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_SET_DEVICE_ATTR'))
  }

  setCounterOffset(offset: bigint): number {
    const { view } = this.#scratch
    view.setBigUint64(0, BigInt.asUintN(64, offset), true)
    view.setBigUint64(8, 0n, true)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_ARM_SET_COUNTER_OFFSET'))
  }

  writableMasks(): { readonly errno: number; readonly masks: readonly (readonly [bigint, bigint])[] } {
    const { view, bytes, data } = this.#scratch
    bytes.fill(0, 0, 64)
    bytes.fill(0, DATA, DATA + 8 * MASKS)
    view.setBigUint64(0, data, true)
    const errno = errnoOf(this.#scratch.struct(this.#fd, 'KVM_ARM_GET_REG_WRITABLE_MASKS'))
    if (errno !== 0) return { errno, masks: [] }
    const masks: (readonly [bigint, bigint])[] = []
    for (let i = 0; i < MASKS; i++) {
      const mask = view.getBigUint64(DATA + 8 * i, true)
      if (mask !== 0n) masks.push([maskedRegister(i), mask])
    }
    return { errno, masks: masks.sort(([a], [b]) => (a < b ? -1 : 1)) }
  }

  close(): void {
    for (const vcpu of this.#vcpus.splice(0)) vcpu.close()
    for (const fd of this.#devices.splice(0)) closeSync(fd)
    closeSync(this.#fd)
    for (const mapping of this.#memory.splice(0)) mapping.unmap()
  }
}

/** ARM64_FEATURE_ID_RANGE: op0 3, op1 in {0, 1, 3}, CRn 0, CRm 0..7, op2 0..7. */
const MASKS = 3 * 8 * 8
const maskedRegister = (index: number): bigint => sysRegId(3, [0, 1, 3][index >> 6] ?? 0, 0, (index >> 3) & 7, index & 7)

function attributeStruct({ view }: Scratch, group: number, attribute: number, address: bigint): void {
  view.setUint32(0, 0, true)
  view.setUint32(4, group, true)
  view.setBigUint64(8, BigInt(attribute), true)
  view.setBigUint64(16, address, true)
}

function setAttribute(scratch: Scratch, fd: number, group: number, attribute: number, value: bigint | undefined): number {
  if (value !== undefined) scratch.view.setBigUint64(DATA, value, true)
  attributeStruct(scratch, group, attribute, value === undefined ? 0n : scratch.data)
  return errnoOf(scratch.struct(fd, 'KVM_SET_DEVICE_ATTR'))
}

class KvmVcpu implements AbiVcpu {
  readonly index: number
  readonly #fd: number
  readonly #run: Mapping
  readonly #view: DataView
  readonly #target: number
  readonly #libc: Libc
  readonly #scratch: Scratch

  constructor(index: number, fd: number, run: Mapping, target: number, libc: Libc, scratch: Scratch) {
    this.index = index
    this.#fd = fd
    this.#run = run
    this.#view = new DataView(run.bytes.buffer, run.bytes.byteOffset, run.bytes.length)
    this.#target = target
    this.#libc = libc
    this.#scratch = scratch
  }

  init(words: readonly number[], target = this.#target): number {
    const { view, bytes } = this.#scratch
    bytes.fill(0, 0, 32)
    view.setUint32(0, target, true)
    for (const [i, word] of words.entries()) view.setUint32(4 + 4 * i, word, true)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_ARM_VCPU_INIT'))
  }

  finalize(what: number): number {
    this.#scratch.view.setUint32(0, what, true)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_ARM_VCPU_FINALIZE'))
  }

  initPmu(interrupt: number | undefined): number {
    const irq = interrupt === undefined ? 0 : setAttribute(this.#scratch, this.#fd, PMU_ATTRIBUTE.group, PMU_ATTRIBUTE.irq, BigInt(interrupt))
    return irq || setAttribute(this.#scratch, this.#fd, PMU_ATTRIBUTE.group, PMU_ATTRIBUTE.init, undefined)
  }

  regList(capacity = LIST_ROOM): { readonly errno: number; readonly n: number; readonly ids: BigUint64Array } {
    const { view } = this.#scratch
    view.setBigUint64(0, BigInt(Math.min(capacity, LIST_ROOM)), true)
    const errno = errnoOf(this.#scratch.struct(this.#fd, 'KVM_GET_REG_LIST'))
    const n = Number(view.getBigUint64(0, true))
    return { errno, n, ids: errno === 0 ? BigUint64Array.from({ length: n }, (_, i) => view.getBigUint64(8 + 8 * i, true)) : new BigUint64Array() }
  }

  getReg(id: bigint, nullAddress = false): { readonly errno: number; readonly bytes: Uint8Array | undefined } {
    const { view, bytes } = this.#scratch
    const size = regBytes(id as RegId)
    bytes.fill(0, DATA, DATA + size)
    view.setBigUint64(0, id, true)
    view.setBigUint64(8, nullAddress ? 0n : this.#scratch.data, true)
    const errno = errnoOf(this.#scratch.struct(this.#fd, 'KVM_GET_ONE_REG'))
    return { errno, bytes: errno === 0 ? bytes.slice(DATA, DATA + size) : undefined }
  }

  setReg(id: bigint, value: Uint8Array | undefined): number {
    const { view, bytes } = this.#scratch
    if (value) {
      bytes.fill(0, DATA, DATA + 256)
      bytes.set(value, DATA)
    }
    view.setBigUint64(0, id, true)
    view.setBigUint64(8, value ? this.#scratch.data : 0n, true)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_SET_ONE_REG'))
  }

  getMpState(): number {
    const result = this.#scratch.struct(this.#fd, 'KVM_GET_MP_STATE')
    return result < 0 ? result : this.#scratch.view.getUint32(0, true)
  }

  setMpState(state: number): number {
    this.#scratch.view.setUint32(0, state, true)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_SET_MP_STATE'))
  }

  getEvents(): { readonly errno: number; readonly events: VcpuEvents } {
    const { view, bytes } = this.#scratch
    bytes.fill(0, 0, 64)
    const errno = errnoOf(this.#scratch.struct(this.#fd, 'KVM_GET_VCPU_EVENTS'))
    return {
      errno,
      events: {
        serrorPending: view.getUint8(0) !== 0,
        serrorHasEsr: view.getUint8(1) !== 0,
        extDabtPending: view.getUint8(2) !== 0,
        serrorEsr: view.getBigUint64(8, true),
      },
    }
  }

  setEvents(events: VcpuEvents): number {
    const { view, bytes } = this.#scratch
    bytes.fill(0, 0, 64)
    view.setUint8(0, events.serrorPending ? 1 : 0)
    view.setUint8(1, events.serrorHasEsr ? 1 : 0)
    view.setUint8(2, events.extDabtPending ? 1 : 0)
    view.setBigUint64(8, events.serrorHasEsr ? events.serrorEsr : 0n, true)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_SET_VCPU_EVENTS'))
  }

  run(milliseconds: number): AbiExit {
    const { systemEvent } = KVM_RUN_LAYOUT
    this.#run.bytes.fill(UNWRITTEN, systemEvent.type, systemEvent.data + 32)
    this.#libc.alarm(milliseconds)
    const errno = errnoOf(this.#scratch.plain(this.#fd, 'KVM_RUN'))
    this.#libc.alarm(0)
    return errno === 0 ? this.#exit() : { errno, reason: errno === ERRNO.EINTR ? KVM_EXIT.INTR : KVM_EXIT.UNKNOWN }
  }

  #exit(): AbiExit {
    const view = this.#view
    const { mmio, hypercall, systemEvent, nisv, exitReason } = KVM_RUN_LAYOUT
    const reason = view.getUint32(exitReason, true)
    const base = { errno: 0, reason }
    if (reason === KVM_EXIT.MMIO) {
      const size = view.getUint32(mmio.length, true)
      const data = view.getBigUint64(mmio.data, true)
      return { ...base, mmio: { address: view.getBigUint64(mmio.address, true), size, write: view.getUint8(mmio.isWrite) !== 0, data } }
    }
    if (reason === KVM_EXIT.SYSTEM_EVENT) {
      const ndata = view.getUint32(systemEvent.ndata, true)
      const word = (i: number) => view.getBigUint64(systemEvent.data + 8 * i, true)
      return {
        ...base,
        systemEvent: {
          type: view.getUint32(systemEvent.type, true),
          ndata: ndata === UNWRITTEN_32 ? undefined : ndata,
          data: [0, 1, 2, 3].map(i => (word(i) === UNWRITTEN_64 ? undefined : word(i))),
        },
      }
    }
    if (reason === KVM_EXIT.HYPERCALL)
      return { ...base, hypercall: { nr: view.getBigUint64(hypercall.nr, true), flags: view.getBigUint64(hypercall.flags, true) } }
    if (reason === KVM_EXIT.ARM_NISV)
      return { ...base, nisv: { syndrome: view.getBigUint64(nisv.syndrome, true), address: view.getBigUint64(nisv.address, true) } }
    return base
  }

  /** Answers the load that the last exit was for; taken by the next run. */
  answerMmio(data: bigint): void {
    this.#view.setBigUint64(KVM_RUN_LAYOUT.mmio.data, data, true)
  }

  close(): void {
    this.#run.unmap()
    closeSync(this.#fd)
  }
}

/** The signal only has to end KVM_RUN; a handler keeps it from ending the process. */
function ignoreAlarm(): void {}
