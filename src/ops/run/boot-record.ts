// Owns what a snapshot keeps of how its guest was booted: which kernel and initramfs (path, size, digest), the command line, the device tree's digest, and
// what of the board nothing else in a snapshot says. Opens no file: a path in a snapshot is a stranger's.
import { SnapError } from '../../errors.ts'
import type { DeviceSnapshot } from '../../model/snapshot.ts'

/** Of a file that the guest was booted from, as it lay there, compressed or not. */
export interface FileIdentity {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Hex. */
  readonly sha256: string
}

export interface BootRecord {
  readonly kernel: FileIdentity
  readonly initrd?: FileIdentity
  /** The command line as it was given; absent: none was. */
  readonly append?: string
  /** sha256 of the flattened device tree, hex. */
  readonly deviceTree: string
  /** What the device tree calls the CPU. */
  readonly cpu: string
  /** Bytes of guest memory, which the snapshot itself may not have kept. */
  readonly memory: number
  /** An ITS behind the GICv3. */
  readonly its: boolean
  /** Of everything that is random for the guest; absent: it was not chosen. */
  readonly seed?: bigint
}

export const BOOT_KIND = 'boot'
const NAME = 'boot'
const VERSION = 1
/** More than any path or command line that a kernel of Linux takes. */
const MOST_TEXT = 1 << 16
const MOST_MEMORY = 2 ** 40

export const bootDevice = (record: BootRecord): DeviceSnapshot => ({ name: NAME, kind: BOOT_KIND, state: { version: VERSION, ...record } })

/** How the guest was booted; undefined when the snapshot does not say. Throws INPUT_CORRUPT, FORMAT_TOO_NEW. */
export function bootRecordOf(devices: readonly DeviceSnapshot[]): BootRecord | undefined {
  const device = devices.find(({ kind }) => kind === BOOT_KIND)
  if (!device) return undefined
  const state = record(device.state, 'it')
  if (state.version !== VERSION)
    throw new SnapError('FORMAT_TOO_NEW', `how the guest was booted is written in version ${String(state.version).slice(0, 20)}; this release reads ${VERSION}`)
  return {
    kernel: fileIdentity(state.kernel, 'the kernel'),
    ...(state.initrd === undefined ? {} : { initrd: fileIdentity(state.initrd, 'the initramfs') }),
    ...(state.append === undefined ? {} : { append: text(state.append, 'the command line') }),
    deviceTree: digest(state.deviceTree, 'the device tree'),
    cpu: text(state.cpu, 'the CPU'),
    memory: count(state.memory, 'the memory'),
    its: typeof state.its === 'boolean' ? state.its : wrong('the ITS'),
    ...(state.seed === undefined ? {} : { seed: seed(state.seed) }),
  }
}

/** Size and digest of a file that a snapshot names. Throws INPUT_CORRUPT. */
export function fileIdentity(value: unknown, what: string): FileIdentity {
  const { path, size, sha256 } = record(value, what)
  return { path: text(path, what), size: count(size, what), sha256: digest(sha256, what) }
}

function record(value: unknown, what: string): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : wrong(what)
}

const text = (value: unknown, what: string): string => (typeof value === 'string' && value.length <= MOST_TEXT && !value.includes('\0') ? value : wrong(what))

/** Small numbers come back from an archive as numbers, large ones as bigints. */
function count(value: unknown, what: string): number {
  const number = typeof value === 'bigint' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 && number <= MOST_MEMORY ? number : wrong(what)
}

const seed = (value: unknown): bigint =>
  typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt.asUintN(64, BigInt(value as bigint | number)) : wrong('the seed')

const digest = (value: unknown, what: string): string => (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value : wrong(what))

function wrong(what: string): never {
  throw new SnapError('INPUT_CORRUPT', `what the snapshot keeps of how its guest was booted is damaged: ${what} cannot be read`)
}
