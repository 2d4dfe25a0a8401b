// Owns one vCPU of /dev/kvm as AbiVcpu: its structures, its kvm_run, its errnos. Judges nothing.
import { closeSync } from 'node:fs'
import { ERRNO } from '../../arch/errno.ts'
import { KVM_EXIT } from '../../arch/exits.ts'
import { type RegId, regBytes } from '../../arch/reg-id.ts'
import type { VcpuEvents } from '../../model/snapshot.ts'
import type { AbiExit, AbiVcpu } from '../kvm-abi.ts'
import { setAttribute } from './attributes.ts'
import { KVM_RUN_LAYOUT, PMU_ATTRIBUTE } from './ioctls.ts'
import type { Mapping } from './libc.ts'
import { DATA, errnoOf, LIST_ROOM, type Scratch } from './scratch.ts'

/** What the exit's part of kvm_run is filled with before a run, to see what the kernel writes. */
const UNWRITTEN = 0xa5
const UNWRITTEN_32 = 0xa5a5_a5a5
const UNWRITTEN_64 = 0xa5a5_a5a5_a5a5_a5a5n
const CLOSED = -1

export class KvmVcpu implements AbiVcpu {
  readonly index: number
  #fd: number
  readonly #run: Mapping
  readonly #view: DataView
  readonly #target: number
  readonly #scratch: Scratch
  /** Answer to the load that the last exit was for; 0 when nobody gives one. */
  #answer = 0n

  constructor(index: number, fd: number, run: Mapping, target: number, scratch: Scratch) {
    this.index = index
    this.#fd = fd
    this.#run = run
    this.#view = new DataView(run.bytes.buffer, run.bytes.byteOffset, run.bytes.length)
    this.#target = target
    this.#scratch = scratch
  }

  init(words: readonly number[], target = this.#target): number {
    const { view, bytes } = this.#scratch
    bytes.fill(0, 0, 32)
    view.setUint32(0, target, true)
    for (const [i, word] of words.slice(0, 7).entries()) view.setUint32(4 + 4 * i, word, true)
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
    // The kernel says how many there are when it gives them, and when they do not fit.
    const n = errno === 0 || errno === ERRNO.E2BIG ? Number(view.getBigUint64(0, true)) : 0
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
      const size = regBytes(id as RegId)
      bytes.fill(0, DATA, DATA + size)
      bytes.set(value.subarray(0, size), DATA)
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
    view.setBigUint64(8, BigInt.asUintN(64, events.serrorEsr), true)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_SET_VCPU_EVENTS'))
  }

  run(milliseconds: number): AbiExit {
    if (this.#fd === CLOSED) return { errno: ERRNO.EBADF, reason: KVM_EXIT.UNKNOWN }
    const { systemEvent } = KVM_RUN_LAYOUT
    this.#run.bytes.fill(UNWRITTEN, systemEvent.type, systemEvent.data + 32)
    this.#giveAnswer()
    const end = performance.now() + milliseconds
    const errno = this.#scratch.libc.bounded(milliseconds, () => errnoOf(this.#scratch.plain(this.#fd, 'KVM_RUN')))
    if (errno === 0) return this.#exit()
    if (errno !== ERRNO.EINTR) return { errno, reason: KVM_EXIT.UNKNOWN }
    return { errno, reason: KVM_EXIT.INTR, ...(performance.now() < end ? { interrupted: true } : {}) }
  }

  completeExit(): number {
    if (this.#fd === CLOSED) return ERRNO.EBADF
    this.#giveAnswer()
    this.#view.setUint8(KVM_RUN_LAYOUT.immediateExit, 1)
    const errno = errnoOf(this.#scratch.plain(this.#fd, 'KVM_RUN'))
    this.#view.setUint8(KVM_RUN_LAYOUT.immediateExit, 0)
    return errno === ERRNO.EINTR ? 0 : errno
  }

  #exit(): AbiExit {
    const view = this.#view
    const { mmio, hypercall, systemEvent, nisv, exitReason } = KVM_RUN_LAYOUT
    const reason = view.getUint32(exitReason, true)
    const base = { errno: 0, reason }
    if (reason === KVM_EXIT.MMIO) {
      const size = view.getUint32(mmio.length, true)
      const write = view.getUint8(mmio.isWrite) !== 0
      // The kernel writes as many bytes as the guest stores, and none for a load.
      const data = write ? BigInt.asUintN(8 * size, view.getBigUint64(mmio.data, true)) : 0n
      return { ...base, mmio: { address: view.getBigUint64(mmio.address, true), size, write, data } }
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

  answerMmio(data: bigint): void {
    this.#answer = BigInt.asUintN(64, data)
  }
  /** Where the exit that is being completed has its data, and the next run's exit its own: written last. */
  #giveAnswer(): void {
    this.#view.setBigUint64(KVM_RUN_LAYOUT.mmio.data, this.#answer, true)
    this.#answer = 0n
  }

  close(): void {
    if (this.#fd === CLOSED) return
    this.#run.unmap()
    closeSync(this.#fd)
    this.#fd = CLOSED
  }
}
