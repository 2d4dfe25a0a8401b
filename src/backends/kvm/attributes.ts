// Owns KVM_SET_DEVICE_ATTR: the structure that a VM, a vCPU and a device take attributes in.
import type { IoctlName } from './ioctls.ts'
import { DATA, errnoOf, type Scratch } from './scratch.ts'

/** Errno of setting or asking for an attribute that points to `address`. */
export function attribute(scratch: Scratch, fd: number, call: IoctlName & `KVM_${string}_DEVICE_ATTR`, group: number, number: number, address: bigint): number {
  const { view } = scratch
  view.setUint32(0, 0, true)
  view.setUint32(4, group, true)
  view.setBigUint64(8, BigInt(number), true)
  view.setBigUint64(16, address, true)
  return errnoOf(scratch.struct(fd, call))
}

/** Errno of setting an attribute to an integer of up to 64 bits, or, without one, of setting it off. */
export function setAttribute(scratch: Scratch, fd: number, group: number, number: number, value: bigint | undefined): number {
  if (value !== undefined) scratch.view.setBigUint64(DATA, value, true)
  return attribute(scratch, fd, 'KVM_SET_DEVICE_ATTR', group, number, value === undefined ? 0n : scratch.data)
}
