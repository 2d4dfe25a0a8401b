// Owns one VM of /dev/kvm as AbiVm: its descriptors, its memory, its vCPUs, its GIC, and that nothing of it is left when it is closed. Judges nothing.
import { closeSync } from 'node:fs'
import { sysRegId } from '../../arch/reg-id.ts'
import type { SmcccFilterRange } from '../../model/snapshot.ts'
import type { AbiVm } from '../kvm-abi.ts'
import { attribute, setAttribute } from './attributes.ts'
import { placeGic, type Range } from './gic-place.ts'
import { DEVICE, VGIC, VM_ATTRIBUTE } from './ioctls.ts'
import type { Mapping } from './libc.ts'
import { refusal } from './refusal.ts'
import { DATA, errnoOf, type Scratch } from './scratch.ts'
import { KvmVcpu } from './vcpu.ts'

const ACTIONS: Readonly<Record<SmcccFilterRange['action'], number>> = { handle: 0, deny: 1, forward: 2 }
/** Interrupts of the GIC: 32 of each vCPU's own, 32 shared ones. */
const GIC_IRQS = 64n
const CLOSED = -1

type GuestRange = Range & { readonly mapping: Mapping }

export class KvmVm implements AbiVm {
  #fd: number
  readonly #runBytes: number
  readonly #scratch: Scratch
  readonly #onClose: (vm: KvmVm) => void
  readonly #memory: GuestRange[] = []
  readonly #vcpus: KvmVcpu[] = []
  readonly #devices: number[] = []
  #target: number | undefined

  constructor(fd: number, runBytes: number, scratch: Scratch, onClose: (vm: KvmVm) => void) {
    this.#fd = fd
    this.#runBytes = runBytes
    this.#scratch = scratch
    this.#onClose = onClose
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
    // KVM takes pages of the host's size, 4, 16 or 64 KiB: what is asked for lies in whole ones.
    const page = this.#scratch.libc.pageBytes
    const lead = Number(start % BigInt(page))
    const mapped = Math.ceil((lead + size) / page) * page
    const mapping = this.#scratch.libc.map(mapped)
    const range = { start: start - BigInt(lead), size: BigInt(mapped), mapping }
    const errno = this.#setRegion(this.#memory.length, range, range.size)
    if (errno !== 0) {
      mapping.unmap()
      throw refusal(`KVM_SET_USER_MEMORY_REGION of ${size} bytes at 0x${start.toString(16)}`, errno)
    }
    this.#memory.push(range)
    return mapping.bytes.subarray(lead, lead + size)
  }

  /** A slot of size 0 is deleted (Documentation/virt/kvm/api.rst). A page that faults in has its lines cleaned and invalidated (arch/arm64/kvm/mmu.c). */
  refreshMemory(): void {
    for (const [slot, range] of this.#memory.entries()) {
      const errno = this.#setRegion(slot, range, 0n) || this.#setRegion(slot, range, range.size)
      if (errno !== 0) throw refusal(`KVM_SET_USER_MEMORY_REGION of slot ${slot}, anew,`, errno)
    }
  }

  #setRegion(slot: number, { start, mapping }: GuestRange, size: bigint): number {
    const { view } = this.#scratch
    view.setUint32(0, slot, true)
    view.setUint32(4, 0, true)
    view.setBigUint64(8, start, true)
    view.setBigUint64(16, size, true)
    view.setBigUint64(24, BigInt(mapping.address), true)
    return errnoOf(this.#scratch.struct(this.#fd, 'KVM_SET_USER_MEMORY_REGION'))
  }

  createVcpu(index: number): KvmVcpu {
    const target = (this.#target ??= this.#preferred())
    const fd = this.#scratch.plain(this.#fd, 'KVM_CREATE_VCPU', index)
    if (fd < 0) throw refusal(`KVM_CREATE_VCPU ${index}`, -fd, { vcpu: index })
    let run: Mapping
    try {
      run = this.#scratch.libc.map(this.#runBytes, fd)
    } catch (error) {
      closeSync(fd)
      throw error
    }
    const vcpu = new KvmVcpu(index, fd, run, target, this.#scratch)
    this.#vcpus.push(vcpu)
    return vcpu
  }

  #preferred(): number {
    const { errno, target } = this.preferredTarget()
    if (errno !== 0) throw refusal('KVM_ARM_PREFERRED_TARGET', errno)
    return target
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
    const place = placeGic(version, this.#vcpus.length, this.#memory)
    const [first, second] = version === 'v2' ? [VGIC.v2.distributor, VGIC.v2.cpu] : [VGIC.v3.distributor, VGIC.v3.redistributor]
    return (
      setAttribute(this.#scratch, fd, VGIC.groupAddress, first, place.distributor) ||
      setAttribute(this.#scratch, fd, VGIC.groupAddress, second, place.second) ||
      setAttribute(this.#scratch, fd, VGIC.groupIrqs, 0, GIC_IRQS) ||
      setAttribute(this.#scratch, fd, VGIC.groupControl, VGIC.controlInit, undefined)
    )
  }

  hasSmcccFilter(): number {
    return attribute(this.#scratch, this.#fd, 'KVM_HAS_DEVICE_ATTR', VM_ATTRIBUTE.smcccFilterGroup, VM_ATTRIBUTE.smcccFilter, 0n)
  }

  setSmcccFilter(range: { readonly base: number; readonly count: number; readonly action: SmcccFilterRange['action'] | number }): number {
    const { view, bytes, data } = this.#scratch
    bytes.fill(0, DATA, DATA + 64)
    view.setUint32(DATA, range.base, true)
    view.setUint32(DATA + 4, range.count, true)
    view.setUint8(DATA + 8, typeof range.action === 'number' ? range.action : ACTIONS[range.action])
    return attribute(this.#scratch, this.#fd, 'KVM_SET_DEVICE_ATTR', VM_ATTRIBUTE.smcccFilterGroup, VM_ATTRIBUTE.smcccFilter, data)
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
    if (this.#fd === CLOSED) return
    for (const vcpu of this.#vcpus.splice(0)) vcpu.close()
    for (const fd of this.#devices.splice(0)) closeSync(fd)
    closeSync(this.#fd)
    this.#fd = CLOSED
    // After the VM, which would otherwise still map it.
    for (const { mapping } of this.#memory.splice(0)) mapping.unmap()
    this.#onClose(this)
  }
}

/** ARM64_FEATURE_ID_RANGE: op0 3, op1 in {0, 1, 3}, CRn 0, CRm 0..7, op2 0..7. */
const MASKS = 3 * 8 * 8
const maskedRegister = (index: number): bigint => sysRegId(3, [0, 1, 3][index >> 6] ?? 0, 0, (index >> 3) & 7, index & 7)
