// Owns the way out of JavaScript: ioctl, mmap and the interval timer of the C library, through koffi. The only file that knows it. Linux only.
import { getSystemErrorName } from 'node:util'
import { SnapError } from '../../errors.ts'

/** Native memory with its address, to be passed inside structures; nothing moves it until `unmap`. */
export interface Mapping {
  readonly address: number
  /** Must not be touched after `unmap`; where Node can (22 and later), it is empty then. */
  readonly bytes: Uint8Array
  /** Once is enough; more does nothing. */
  unmap(): void
}

export interface Libc {
  readonly pageBytes: number
  /** 0 or more, or the negated errno. `argument` is a number or the address of a structure. */
  ioctl(fd: number, request: number, argument: number): number
  /** mmap of zeroed memory that costs nothing until it is touched, or of `fd`; at most LARGEST_VIEW bytes. Throws KERNEL_REFUSED. */
  map(size: number, fd?: number): Mapping
  /**
   * `call`, in which a system call that blocks ends with EINTR once `milliseconds` have passed: by SIGALRM, whose handler and timer are this
   * process's as they were before and after. Works on the main thread only, which is the one that Linux gives the signal to.
   */
  bounded<T>(milliseconds: number, call: () => T): T
}

/** Most bytes of one mapping: a view of more than 4 GiB does not throw on Node 20, it ends the process. */
export const LARGEST_VIEW = 2 ** 31

const PROT_READ_WRITE = 3
const MAP_SHARED = 1
/** MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE: guests are larger than what they use. */
const MAP_ZEROED = 0x4022
const ITIMER_REAL = 0
const SIGALRM = 14
/** sizeof(struct sigaction): handler at 0, mask of 1024 bits, flags, restorer; the same in glibc and musl. */
const SIGACTION_BYTES = 152
const ITIMERVAL_BYTES = 32
/** A signal that comes before the system call is entered is lost; the next one is not. */
const REPEAT_MICROSECONDS = 5_000
const LONGEST_MICROSECONDS = 1e12
const FAILED = 2n ** 64n - 1n
/** By the name that the loader knows it by: glibc, musl. */
const C_LIBRARIES = ['libc.so.6', 'libc.musl-aarch64.so.1', 'libc.so'] as const

type Koffi = typeof import('koffi')['default']
type Library = ReturnType<Koffi['load']>

/** Loads koffi and the C library. Throws BACKEND_ABSENT where there is no koffi, no Linux, or no C library. */
export async function openLibc(): Promise<Libc> {
  if (process.platform !== 'linux') throw new SnapError('BACKEND_ABSENT', `/dev/kvm is a device of Linux, and this is ${process.platform}`)
  const koffi = await loadKoffi()
  const library = loadLibrary(koffi)
  // ioctl is variadic; on Linux/arm64 and x86-64 a fixed integer argument travels in the same register.
  const ioctl = library.func('int ioctl(int fd, unsigned long request, uintptr_t argument)')
  const mmap = library.func('void *mmap(void *address, size_t size, int protection, int flags, int fd, long offset)')
  const munmap = library.func('int munmap(void *address, size_t size)')
  const setitimer = library.func('int setitimer(int which, const void *value, void *old)')
  const sigaction = library.func('int sigaction(int number, const void *action, void *old)')
  const pageBytes = library.func('int getpagesize()')() as number
  // The signal only has to end a system call. Its handler must be native and may do nothing: abs() is such a function. One of Node's own would only
  // note each signal for later, in a pipe that a long run fills until no Ctrl-C fits in any more.
  const ignore = Buffer.alloc(SIGACTION_BYTES)
  ignore.writeBigUInt64LE(BigInt(koffi.address(library.symbol('abs', 'int'))))
  const before = Buffer.alloc(SIGACTION_BYTES)
  const timer = Buffer.alloc(ITIMERVAL_BYTES)
  const timerBefore = Buffer.alloc(ITIMERVAL_BYTES)

  return {
    pageBytes,
    ioctl(fd, request, argument) {
      const result = ioctl(fd, request, argument) as number
      return result >= 0 ? result : -koffi.errno() // read at once, before any other native call
    },
    map(size, fd) {
      if (!(size > 0 && size <= LARGEST_VIEW)) throw new SnapError('KERNEL_REFUSED', `${size} bytes cannot be mapped in one piece`)
      const pointer: unknown = mmap(null, size, PROT_READ_WRITE, fd === undefined ? MAP_ZEROED : MAP_SHARED, fd ?? -1, 0)
      const errno = koffi.errno()
      const address = pointer === null ? FAILED : BigInt.asUintN(64, BigInt(koffi.address(pointer)))
      if (address === FAILED)
        throw new SnapError(
          'KERNEL_REFUSED',
          `mmap of ${size} bytes fails with ${getSystemErrorName(-errno)}`,
          {},
          { hint: 'see ulimit -v, and the limits of the control group' },
        )
      const buffer: ArrayBuffer = koffi.view(pointer, size)
      let isMapped = true
      return {
        address: Number(address),
        bytes: new Uint8Array(buffer),
        unmap() {
          if (!isMapped) return
          isMapped = false
          detach(buffer)
          munmap(pointer, size)
        },
      }
    },
    bounded(milliseconds, call) {
      const microseconds = Math.min(LONGEST_MICROSECONDS, Math.max(1, Math.ceil(milliseconds * 1000)))
      timer.writeBigInt64LE(BigInt(REPEAT_MICROSECONDS), 8)
      timer.writeBigInt64LE(BigInt(Math.floor(microseconds / 1e6)), 16)
      timer.writeBigInt64LE(BigInt(microseconds % 1e6), 24)
      sigaction(SIGALRM, ignore, before)
      try {
        // Without its timer the call might never end.
        if ((setitimer(ITIMER_REAL, timer, timerBefore) as number) !== 0)
          throw new SnapError('KERNEL_REFUSED', `setitimer fails with ${getSystemErrorName(-koffi.errno())}`)
        return call()
      } finally {
        setitimer(ITIMER_REAL, timerBefore, null)
        sigaction(SIGALRM, before, null)
      }
    },
  }
}

async function loadKoffi(): Promise<Koffi> {
  try {
    return (await import('koffi')).default
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'
    const reason = isAbsent ? 'is not installed' : `cannot be loaded: ${String((cause as Error).message).split('\n')[0]}`
    throw new SnapError(
      'BACKEND_ABSENT',
      `the package koffi, which calls the C library, ${reason}`,
      {},
      { cause, hint: 'npm install koffi@3, with optional packages' },
    )
  }
}

function loadLibrary(koffi: Koffi): Library {
  let last: unknown
  for (const name of C_LIBRARIES)
    try {
      return koffi.load(name)
    } catch (cause) {
      last ??= cause
    }
  throw new SnapError('BACKEND_ABSENT', 'the C library of this system cannot be loaded', {}, { cause: last })
}

/** Empties every view of the buffer, so that a late look at it finds nothing instead of ending the process. Node 20 has no way to. */
function detach(buffer: ArrayBuffer & { transfer?(): ArrayBuffer }): void {
  buffer.transfer?.()
}
