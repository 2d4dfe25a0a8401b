// Owns the way out of JavaScript: ioctl, mmap and setitimer of the C library, through koffi. The only file that knows it. Linux only.
import { SnapError } from '../../errors.ts'

/** Native memory with its address, to be passed inside structures; nothing moves it until `unmap`. */
export interface Mapping {
  readonly address: number
  readonly bytes: Uint8Array
  unmap(): void
}

export interface Libc {
  /** 0 or more, or the negated errno. `argument` is a number or the address of a structure. */
  ioctl(fd: number, request: number, argument: number): number
  /** mmap of anonymous memory, or of `fd`. Throws KERNEL_REFUSED. */
  map(size: number, fd?: number): Mapping
  /** setitimer(ITIMER_REAL): SIGALRM after `milliseconds`, and then again every few; 0 stops it. */
  alarm(milliseconds: number): void
}

const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const MAP_PRIVATE_ANONYMOUS = 0x22
const ITIMER_REAL = 0
/** A signal that comes before KVM_RUN is entered is lost; the next one is not. */
const REPEAT_MICROSECONDS = 5_000

/** Loads koffi and the C library. Throws BACKEND_ABSENT where there is no koffi, no Linux, or no C library. */
export async function openLibc(): Promise<Libc> {
  if (process.platform !== 'linux') throw new SnapError('BACKEND_ABSENT', `/dev/kvm is a device of Linux, and this is ${process.platform}`)
  let koffi: typeof import('koffi')['default']
  try {
    koffi = (await import('koffi')).default
  } catch (cause) {
    throw new SnapError('BACKEND_ABSENT', 'the package koffi, which calls the C library, is not installed', {}, { cause, hint: 'npm install koffi@3.3.4' })
  }
  let library: ReturnType<typeof koffi.load>
  try {
    library = koffi.load('libc.so.6')
  } catch {
    try {
      library = koffi.load('libc.so')
    } catch (cause) {
      throw new SnapError('BACKEND_ABSENT', 'the C library of this system cannot be loaded', {}, { cause })
    }
  }
  // ioctl is variadic; on Linux/arm64 and x86-64 a fixed integer argument travels in the same register.
  const ioctl = library.func('int ioctl(int fd, unsigned long request, uintptr_t argument)')
  const mmap = library.func('void *mmap(void *address, size_t size, int protection, int flags, int fd, long offset)')
  const munmap = library.func('int munmap(void *address, size_t size)')
  const setitimer = library.func('int setitimer(int which, const void *value, void *old)')
  return {
    ioctl(fd, request, argument) {
      const result = ioctl(fd, request, argument) as number
      return result >= 0 ? result : -koffi.errno() // read at once, before any other native call
    },
    map(size, fd) {
      const pointer = mmap(null, size, PROT_READ_WRITE, fd === undefined ? MAP_PRIVATE_ANONYMOUS : MAP_SHARED, fd ?? -1, 0)
      const address = Number(koffi.address(pointer))
      const failed = 2n ** 64n - 1n
      if (pointer === null || BigInt.asUintN(64, BigInt(koffi.address(pointer))) === failed)
        throw new SnapError('KERNEL_REFUSED', `mmap of ${size} bytes fails with errno ${koffi.errno()}`)
      return { address, bytes: new Uint8Array(koffi.view(pointer, size)), unmap: () => void munmap(pointer, size) }
    },
    alarm(milliseconds) {
      const value = Buffer.alloc(32)
      if (milliseconds > 0) {
        value.writeBigInt64LE(BigInt(REPEAT_MICROSECONDS), 8)
        value.writeBigInt64LE(BigInt(Math.floor(milliseconds / 1000)), 16)
        value.writeBigInt64LE(BigInt(Math.max(1, Math.round((milliseconds % 1000) * 1000))), 24)
      }
      setitimer(ITIMER_REAL, value, null)
    },
  }
}
