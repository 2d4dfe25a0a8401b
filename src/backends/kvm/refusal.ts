// Owns what is said when a KVM call outside a replay fails: the call, the errno, and what to do about those that the host's owner can do something about.
import { getSystemErrorName } from 'node:util'
import { SnapError, type Where } from '../../errors.ts'

const HINTS: Readonly<Record<string, string>> = {
  EMFILE: 'raise the limit of open files: ulimit -n',
  ENFILE: 'the host has no open file left: sysctl fs.file-max',
  ENOMEM: "the host, or this process's control group, has no memory left for it",
  ENOSPC: 'the host cannot hold more VMs, or more of this device',
  EPERM: 'the host forbids it: see its security module, or the sandbox that this process runs in',
  EACCES: 'the host forbids it: see its security module, or the sandbox that this process runs in',
}

/** KERNEL_REFUSED for `call`, which failed with `errno`. */
export function refusal(call: string, errno: number, at: Where = {}): SnapError {
  const name = getSystemErrorName(-errno)
  const hint = HINTS[name]
  return new SnapError('KERNEL_REFUSED', `${call} fails with ${name}`, at, hint === undefined ? {} : { hint })
}
