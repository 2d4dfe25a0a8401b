// Owns the flags by which a guest with a kernel of the user's is described: `run` and `save` have them. Knows no command.
import { parseFeatures } from '../arch/features.ts'
import { SnapError } from '../errors.ts'
import type { GuestOptions } from '../ops/run/boot-guest.ts'
import { parseDisk } from '../ops/run/file-disk.ts'
import { parseSavePoint, type SaveOptions } from '../ops/save.ts'
import { Flags } from './flags.ts'

const MIB = 1 << 20
export const KERNEL = 'kernel to boot: an arm64 Image, compressed or not, an EFI zboot image, an ELF file or a flat binary'

const DISK = { multiple: true, summary: 'file that is a disk of the guest, written in place; FILE,ro: read-only; may be repeated' } as const
const CONSOLE = {
  options: ['uart', 'virtio'] as const,
  summary: 'console that is talked to: the UART (ttyAMA0) or a virtio console (hvc0)',
}

export const GUEST_FLAGS = {
  initrd: Flags.string({ summary: 'initramfs for the kernel, as the kernel is to get it', dependsOn: ['kernel'] }),
  append: Flags.string({ summary: "the kernel's command line", dependsOn: ['kernel'] }),
  disk: Flags.string(DISK),
  console: Flags.option(CONSOLE)(),
  rng: Flags.boolean({ summary: 'give the guest an entropy device', dependsOn: ['kernel'] }),
  seed: Flags.string({ summary: 'number that everything random starts from; the same number, the same guest', dependsOn: ['kernel'] }),
}

/** Of a guest that wakes. */
export const WAKE_FLAGS = {
  wake: Flags.string({ summary: 'snapshot of a guest that hibernated: boot it again in the same environment, so that it resumes from its disk' }),
  clean: Flags.boolean({ dependsOn: ['wake'], summary: "boot it in the target's own environment, without resuming: what it had in memory is given up" }),
  'recorded-paths': Flags.boolean({ dependsOn: ['wake'], summary: 'open kernel, initramfs and disks by the paths that the snapshot holds' }),
  'accept-changed-files': Flags.boolean({
    dependsOn: ['wake'],
    summary: 'wake although kernel, initramfs or disk has changed since; resuming over a changed disk can destroy file systems',
  }),
}

interface WakeFlagValues {
  readonly wake?: string | undefined
  readonly clean?: boolean | undefined
  readonly 'recorded-paths'?: boolean | undefined
  readonly 'accept-changed-files'?: boolean | undefined
}

/** For `...wakeOptions(flags)` in the options of an operation. */
export const wakeOptions = (flags: WakeFlagValues) => ({
  ...(flags.wake === undefined ? {} : { wake: flags.wake }),
  ...(flags.clean ? { clean: true } : {}),
  ...(flags['recorded-paths'] ? { recordedPaths: true } : {}),
  ...(flags['accept-changed-files'] ? { acceptChanged: true } : {}),
})

const LIMIT_FLAGS = {
  timeout: Flags.integer({ min: 1, summary: 'stop after so many seconds' }),
  'max-insns': Flags.integer({ min: 1, summary: 'stop after so many instructions' }),
}

/** A guest with a kernel of the user's: one that boots, or one that wakes. */
const ofAKernel = () => [{ type: 'some' as const, flags: ['kernel', 'wake'] }]

/** For a command that has flags of its own for vCPUs, memory, features, GIC and PSCI. */
export const KERNEL_FLAGS = {
  kernel: Flags.string({ summary: KERNEL, exclusive: ['baseline'] }),
  ...GUEST_FLAGS,
  ...WAKE_FLAGS,
  wake: Flags.string({ summary: 'snapshot of a guest that hibernated: wake it as `run --wake` does, and save it again' }),
  disk: Flags.string({ ...DISK, relationships: ofAKernel() }),
  console: Flags.option({ ...CONSOLE, relationships: ofAKernel() })(),
  timeout: Flags.integer({ min: 1, summary: 'give up after so many seconds', relationships: ofAKernel() }),
  'max-insns': Flags.integer({ min: 1, summary: 'give up after so many instructions', relationships: ofAKernel() }),
  'no-memory': Flags.boolean({ summary: 'leave guest memory out: a guest that hibernated wrote it to its disk', relationships: ofAKernel() }),
}

/** How far it runs, and how fast. */
export const RUN_FLAGS = {
  until: Flags.string({ summary: 'stop there: console=REGEX (a line that matches), insns=N, psci=FUNCTION, off, reset, hibernate, suspend' }),
  ...LIMIT_FLAGS,
  paced: Flags.boolean({ allowNo: true, summary: 'let a waiting guest wait in real time; by default on a terminal' }),
}

interface GuestFlagValues {
  readonly initrd?: string | undefined
  readonly append?: string | undefined
  readonly disk?: string[] | undefined
  readonly console?: 'uart' | 'virtio' | undefined
  readonly rng?: boolean | undefined
  readonly seed?: string | undefined
  readonly cpus?: number | undefined
  readonly memory?: number | undefined
  readonly psci?: string | undefined
  readonly features?: string | undefined
  readonly gic?: 'none' | 'v2' | 'v3' | undefined
}

/** For `...guestOptions(flags)` in the options of an operation. Throws USAGE. */
export function guestOptions(flags: GuestFlagValues): Omit<GuestOptions, 'kernel'> {
  const { initrd, append, disk = [], console, rng, seed, cpus, memory, psci, features, gic } = flags
  return {
    disks: disk.map(parseDisk),
    ...(initrd === undefined ? {} : { initrd }),
    ...(append === undefined ? {} : { append }),
    ...(console === undefined ? {} : { console }),
    ...(rng ? { rng } : {}),
    ...(seed === undefined ? {} : { seed: parseSeed(seed) }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory === undefined ? {} : { memory: memory * MIB }),
    ...(psci === undefined ? {} : { psci }),
    ...(features === undefined ? {} : { features: parseFeatures(features) }),
    ...(gic === undefined ? {} : { gic }),
  }
}

function parseSeed(text: string): bigint {
  if (/^(0x[0-9a-f]{1,16}|\d{1,19})$/i.test(text)) return BigInt(text)
  throw new SnapError('USAGE', `"${text.slice(0, 40)}" is no seed`, {}, { hint: 'a seed is a number of up to 64 bits' })
}

/** For `...runLimits(flags)`: --timeout in seconds, --max-insns. */
export const runLimits = (flags: { readonly timeout?: number | undefined; readonly 'max-insns'?: number | undefined }) => ({
  ...(flags.timeout === undefined ? {} : { timeout: flags.timeout * 1000 }),
  ...(flags['max-insns'] === undefined ? {} : { maxInstructions: flags['max-insns'] }),
})

interface SavedGuestFlags extends GuestFlagValues, WakeFlagValues {
  readonly 'no-memory'?: boolean | undefined
  readonly kernel?: string | undefined
  readonly vcpus?: number | undefined
  readonly until?: string | undefined
  readonly timeout?: number | undefined
  readonly 'max-insns'?: number | undefined
}

/** For `...whichGuest(flags)` in the options of `save`: the built-in guest, or one with a kernel. Throws USAGE. */
export function whichGuest(flags: SavedGuestFlags): Pick<SaveOptions, 'guest' | 'vcpus' | 'memory' | 'until'> {
  const { kernel, wake, vcpus, memory, until } = flags
  if (kernel !== undefined || wake !== undefined)
    return {
      guest: {
        ...guestOptions({ ...flags, cpus: vcpus }),
        ...runLimits(flags),
        ...wakeOptions(flags),
        ...(kernel === undefined ? {} : { kernel }),
        ...(until === undefined ? {} : { until }),
        ...(flags['no-memory'] ? { noMemory: true } : {}),
      },
    }
  return {
    ...(vcpus === undefined ? {} : { vcpus }),
    ...(memory === undefined ? {} : { memory: memory * MIB }),
    ...(until === undefined ? {} : { until: parseSavePoint(until) }),
  }
}
