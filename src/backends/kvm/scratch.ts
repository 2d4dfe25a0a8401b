// Owns the native memory through which structures go to the kernel and back, and the way an ioctl is made. Knows no structure.
import { SnapError } from '../../errors.ts'
import { IOCTL, type IoctlName } from './ioctls.ts'
import type { Libc, Mapping } from './libc.ts'

/** Room for structures and lists: the longest is a register list. */
const BYTES = 256 << 10
/** Where the data lies that a structure at the start points to. */
export const DATA = 4096
/** Register ids that fit in one list. */
export const LIST_ROOM = 8192

export class Scratch {
  readonly libc: Libc
  readonly #mapping: Mapping
  readonly #view: DataView
  #isFree = false

  constructor(libc: Libc) {
    this.libc = libc
    this.#mapping = libc.map(BYTES)
    const { buffer, byteOffset, length } = this.#mapping.bytes
    this.#view = new DataView(buffer, byteOffset, length)
  }

  get bytes(): Uint8Array {
    return this.#live.bytes
  }
  get view(): DataView {
    return this.#live && this.#view
  }
  /** Address of DATA. */
  get data(): bigint {
    return BigInt(this.#live.address + DATA)
  }
  /** 0 or more, or the negated errno. */
  plain(fd: number, name: IoctlName, argument = 0): number {
    return this.libc.ioctl(fd, IOCTL[name].request, argument)
  }
  /** With the structure that stands at the start of the scratch memory. */
  struct(fd: number, name: IoctlName): number {
    return this.libc.ioctl(fd, IOCTL[name].request, this.#live.address)
  }
  free(): void {
    this.#isFree = true
    this.#mapping.unmap()
  }

  get #live(): Mapping {
    if (this.#isFree) throw new SnapError('USAGE', 'this KVM host has been closed')
    return this.#mapping
  }
}

export const errnoOf = (result: number): number => (result < 0 ? -result : 0)
