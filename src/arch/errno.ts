// Owns the errno values that KVM/arm64 returns to a VMM, by number and name (Linux include/uapi/asm-generic/errno*.h).

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSPC: 28,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
} as const
export type ErrnoName = keyof typeof ERRNO

const NAMES = new Map<number, string>(Object.entries(ERRNO).map(([name, number]) => [number, name]))
/** `EINVAL` for 22; `errno 123` for one that KVM/arm64 is not known to return. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `errno ${errno}`
