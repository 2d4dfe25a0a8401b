// Owns /dev/kvm as AbiHost: opening it, saying what to do where that is not possible, and closing all that was made with it.
import { closeSync, openSync } from 'node:fs'
import { release } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { isMainThread } from 'node:worker_threads'
import { ERRNO } from '../../arch/errno.ts'
import { SnapError } from '../../errors.ts'
import type { AbiHost } from '../kvm-abi.ts'
import { type Libc, openLibc } from './libc.ts'
import { refusal } from './refusal.ts'
import { Scratch } from './scratch.ts'
import { KvmVm } from './vm.ts'

const API_VERSION = 12
/** KVM_CREATE_VM's type on arm64: the IPA size in its low byte, 0 for 40 bits (KVM_VM_TYPE_ARM_IPA_SIZE). */
const MOST_IPA_BITS = 0xff
/** KVM_CREATE_VM gives up when a signal of somebody else's comes meanwhile. */
const TRIES = 100
const CLOSED = -1

/** Throws BACKEND_ABSENT with what to do, when the device is absent, not permitted, or not KVM for arm64. */
export async function openKvmHost(device = '/dev/kvm'): Promise<AbiHost> {
  if (process.arch !== 'arm64')
    throw new SnapError(
      'BACKEND_ABSENT',
      `real KVM needs an arm64 host; this one is ${process.arch}`,
      {},
      { hint: 'the built-in machine needs none of this: --backend emulator, or a build in place of `host`' },
    )
  if (!isMainThread) throw new SnapError('BACKEND_ABSENT', 'a real KVM host is opened on the main thread: only there a signal can end a run')
  const libc = await openLibc()
  return hostOver(openDevice(device), device, libc)
}

function openDevice(device: string): number {
  try {
    return openSync(device, 'r+')
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    const message = `${device}: ${REASONS[code] ?? `cannot be opened (${code})`}`
    throw new SnapError('BACKEND_ABSENT', message, {}, { cause, hint: HINTS[code] ?? 'see `dmesg | grep kvm`' })
  }
}

function hostOver(opened: number, device: string, libc: Libc): AbiHost {
  let fd = opened
  let scratch: Scratch
  try {
    scratch = new Scratch(libc)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  const vms = new Set<KvmVm>()
  const close = (): void => {
    if (fd === CLOSED) return
    for (const vm of vms) vm.close()
    closeSync(fd)
    fd = CLOSED
    scratch.free()
  }
  const version = scratch.plain(fd, 'KVM_GET_API_VERSION')
  const runBytes = scratch.plain(fd, 'KVM_GET_VCPU_MMAP_SIZE')
  if (version !== API_VERSION || runBytes <= 0) {
    close()
    const said = version < 0 ? `is not KVM: ${getSystemErrorName(version)}` : `speaks KVM API ${version}, not ${API_VERSION}`
    throw new SnapError('BACKEND_ABSENT', `${device} ${said}`)
  }
  return {
    description: release(),
    apiVersion: () => version,
    checkExtension: capability => Math.max(-1, scratch.plain(fd, 'KVM_CHECK_EXTENSION', capability)),
    createVm(ipaBits = 0) {
      if (!Number.isInteger(ipaBits) || ipaBits < 0 || ipaBits > MOST_IPA_BITS) throw refusal(`KVM_CREATE_VM with ${ipaBits} address bits`, ERRNO.EINVAL)
      let made = -ERRNO.EINTR
      for (let tries = 0; made === -ERRNO.EINTR && tries < TRIES; tries++) made = scratch.plain(fd, 'KVM_CREATE_VM', ipaBits)
      if (made < 0) throw refusal(ipaBits === 0 ? 'KVM_CREATE_VM' : `KVM_CREATE_VM with ${ipaBits} address bits`, -made)
      const vm = new KvmVm(made, runBytes, scratch, closed => vms.delete(closed))
      vms.add(vm)
      return vm
    },
    close,
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such device',
  EACCES: 'you may not open it',
  EPERM: 'you may not open it',
  ENODEV: 'the kernel has no KVM on this machine',
  ENXIO: 'the kernel has no KVM on this machine',
}
const GROUP = 'join the group that owns the device: `sudo usermod -aG kvm $USER`, then log in again'
const NO_KVM =
  'the kernel needs CONFIG_KVM and must have been started at EL2 (`dmesg | grep -i kvm`); inside a VM, the outer host must offer nested virtualization; into a container, pass the device: --device /dev/kvm'
const HINTS: Readonly<Record<string, string>> = {
  ENOENT: NO_KVM,
  ENODEV: NO_KVM,
  ENXIO: NO_KVM,
  EACCES: GROUP,
  EPERM: `${GROUP}; into a container, pass the device: --device /dev/kvm`,
}
