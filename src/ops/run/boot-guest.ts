// Owns making a guest that boots from a kernel of the user's: VM, vCPUs, devices, device tree, everything in memory, before the first instruction.
import { createHash } from 'node:crypto'
import type { Feature } from '../../arch/features.ts'
import { coreId, PC_ID, sysRegId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import type { BackendVcpu } from '../../backends/backend.ts'
import type { Build } from '../../builds/build.ts'
import type { BoardTreeOptions } from '../../emulator/board/device-tree/board-tree.ts'
import { boardDevices, MOST_DISKS, UART, virtioName } from '../../emulator/board/devices.ts'
import { type BootPlan, planBoot } from '../../emulator/board/loader/boot-plan.ts'
import { RAM_BASE } from '../../emulator/board/memory-map.ts'
import { MOST_RAM } from '../../emulator/cpu/linear-memory.ts'
import { nextEntropy } from '../../emulator/firmware/trng.ts'
import { SnapError } from '../../errors.ts'
import type { DeviceSnapshot, Gic } from '../../model/snapshot.ts'
import type { LiveHost, LiveVm, LiveVmOptions } from '../live/live-host.ts'
import { createVcpus, pinPsci } from '../new-guest.ts'
import { getU64, setU64 } from '../one-register.ts'
import type { Work } from '../work.ts'
import { type BootRecord, bootDevice } from './boot-record.ts'
import { type DiskChoice, diskReference, type FileDisk, openDisk } from './file-disk.ts'
import { type BootFile, readInitrd, readKernel } from './read-boot-files.ts'

export interface GuestOptions extends Work {
  /** Paths: an arm64 Image (compressed, or in an EFI program), an ELF file or a flat binary; an initramfs; disks. */
  readonly kernel: string
  readonly initrd?: string
  readonly disks?: readonly DiskChoice[]
  /** The kernel's command line. */
  readonly append?: string
  /** 1 unless said; with a GICv2 8 at most. */
  readonly cpus?: number
  /** Bytes, whole MiB; 512 MiB unless said. */
  readonly memory?: number
  /** `X.Y`, pinned before the first run. */
  readonly psci?: string
  readonly features?: readonly Feature[]
  readonly gic?: Gic
  /** Seed of everything that is random for the guest. */
  readonly seed?: bigint
  /** An entropy device. */
  readonly rng?: boolean
  /** Which console is talked to: the UART, or a virtio console beside it. */
  readonly console?: 'uart' | 'virtio'
}

/** A guest that can be run. Its memory and devices are the VM's. */
export interface Guest {
  readonly vm: LiveVm
  readonly vcpus: readonly BackendVcpu[]
  readonly features: readonly Feature[]
  readonly gic: Gic
  /** Device that takes input. */
  readonly console: string
  /** What a snapshot keeps of its disks. Reads them whole. */
  diskReferences(): readonly DeviceSnapshot[]
  /** What a snapshot keeps of how it was booted; undefined when nobody knows. */
  readonly booted?: DeviceSnapshot
  close(): Promise<void>
}

/** What a guest that existed before brings along: it is not made as new ones are. */
export interface Inherited {
  /** What its device tree calls the CPU; absent: as on a new guest. */
  readonly cpu?: string
  /** Its clock and what else outlives a power-off. */
  readonly devices: readonly DeviceSnapshot[]
  readonly its: boolean
  readonly systemSuspend?: boolean
  readonly writableImpIdRegs?: boolean
  /** Looks at what it boots from before anything is made of it. */
  inspect(files: { readonly kernel: BootFile; readonly initrd?: BootFile; readonly disks: readonly FileDisk[] }): void
  /** Gets each vCPU between KVM_ARM_VCPU_INIT and finalization. */
  prepare?(vcpu: BackendVcpu): Promise<void>
  /** Gets the VM with its vCPUs before anything is asked of them. */
  settle?(vm: LiveVm, vcpus: readonly BackendVcpu[]): Promise<void>
}

const MIB = 1 << 20
const DEFAULT_MEMORY = 512 * MIB
const DEFAULT_SEED = 1n
const RNG_SEED_BYTES = 32
const MOST_CPUS = { none: 1, v2: 8, v3: 64 } as const
const X0 = coreId(0)
const MPIDR = sysRegId(3, 0, 0, 0, 5)
const AFFINITY = 0xff_00ff_ffffn

/** With a PMU, as VMMs make them: Linux 5.10 lists PMU registers for every vCPU, and without one no newer kernel takes them. */
const KERNEL_FEATURES: readonly Feature[] = ['psci_0_2', 'pmu_v3']

/** Throws USAGE for what cannot be, and what reading and loading the files throws. */
export async function bootGuest(
  host: LiveHost,
  options: GuestOptions,
  hooks: Pick<LiveVmOptions, 'onFirmware' | 'systemSuspend'> & { readonly onOutput?: (device: string, byte: number) => void },
  inherited?: Inherited,
): Promise<Guest> {
  const { cpus = 1, memory = DEFAULT_MEMORY, console = 'uart', disks: choices = [], seed, rng = false } = options
  const { features = KERNEL_FEATURES, gic = host.usual.gic } = options
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > MOST_CPUS[gic])
    throw new SnapError('USAGE', `a guest with ${gic === 'none' ? 'no GIC' : `a GIC${gic}`} has 1 to ${MOST_CPUS[gic]} vCPUs here, not ${cpus}`)
  if (!Number.isInteger(memory / MIB) || memory < MIB) throw new SnapError('USAGE', 'guest memory is a whole number of MiB')
  if (memory > MOST_RAM) throw new SnapError('USAGE', `the built-in machine has at most ${MOST_RAM / MIB} MiB of guest memory, not ${memory / MIB}`)
  if (choices.length > MOST_DISKS) throw new SnapError('USAGE', `a guest has at most ${MOST_DISKS} disks`)
  const kernel = await readKernel(options.kernel, options.signal)
  const initrd = options.initrd === undefined ? undefined : await readInitrd(options.initrd, options.signal)
  const disks: FileDisk[] = []
  const closeDisks = (): void => {
    for (const disk of disks) disk.close()
  }
  // As on the boards of VMMs.
  const its = inherited?.its ?? gic === 'v3'
  const places = boardDevices({ disks: choices.length, console: console === 'virtio', ...(rng ? { rng: seed ?? DEFAULT_SEED } : {}) })
  try {
    for (const choice of choices) disks.push(openDisk(choice))
    inherited?.inspect({ kernel, ...(initrd ? { initrd } : {}), disks })
    const { onOutput, ...more } = hooks
    const vm = await host.createVm({
      ...more,
      ...(inherited?.systemSuspend ? { systemSuspend: true } : {}),
      ...(inherited?.writableImpIdRegs ? { writableImpIdRegs: true } : {}),
      gic,
      board: places,
      ...(inherited ? { saved: { devices: inherited.devices } } : {}),
      memory: [{ start: RAM_BASE, size: memory }],
      surroundings: {
        its,
        disks: Object.fromEntries(disks.map((disk, slot) => [virtioName(slot), disk])),
        ...(seed === undefined ? {} : { seed: BigInt.asUintN(64, seed) }),
        ...(onOutput ? { onOutput } : {}),
      },
    })
    try {
      const vcpus = await createVcpus(vm, cpus, features, host, inherited?.prepare)
      await inherited?.settle?.(vm, vcpus)
      if (options.psci !== undefined) await pinPsci(vcpus[0]!, options.psci, host)
      const affinities = await Promise.all(vcpus.map(async vcpu => ((await getU64(vcpu, MPIDR)) ?? BigInt(vcpu.index)) & AFFINITY))
      const cpu = inherited?.cpu ?? cpuOf(host.build)
      const plan = planBoot(
        { kernel, ...(initrd ? { initrd } : {}) },
        { start: RAM_BASE, size: memory },
        {
          affinities,
          cpu,
          psci: (await getU64(vcpus[0]!, PSCI_VERSION_ID)) ?? 0n,
          gic,
          its,
          pmu: features.includes('pmu_v3'),
          virtio: places.filter(({ name }) => name.startsWith('virtio')).length,
          ...(options.append === undefined ? {} : { bootargs: options.append }),
          ...treeSeeds(seed ?? DEFAULT_SEED),
        },
      )
      const deviceTree = createHash('sha256').update(plan.deviceTree.bytes).digest('hex')
      await load(vm, vcpus[0]!, plan)
      const record: BootRecord = {
        kernel: kernel.identity,
        ...(initrd ? { initrd: initrd.identity } : {}),
        ...(options.append === undefined ? {} : { append: options.append }),
        deviceTree,
        cpu,
        memory,
        its,
        ...(seed === undefined ? {} : { seed: BigInt.asUintN(64, seed) }),
      }
      return {
        vm,
        vcpus,
        features,
        gic,
        console: console === 'uart' ? UART : (places.find(({ type }) => type.kind === 'virtio-console')?.name ?? UART),
        diskReferences: () => disks.map((disk, slot) => diskReference(virtioName(slot), disk)),
        booted: bootDevice(record),
        async close() {
          await vm.close()
          closeDisks()
        },
      }
    } catch (error) {
      await vm.close()
      throw error
    }
  } catch (error) {
    closeDisks()
    throw error
  }
}

/** The randomness that VMMs put into a device tree; here a function of the seed, so that the same command line boots the same. */
function treeSeeds(seed: bigint): Pick<BoardTreeOptions, 'kaslrSeed' | 'rngSeed'> {
  const rngSeed = new Uint8Array(RNG_SEED_BYTES)
  const view = new DataView(rngSeed.buffer)
  let { state, value: kaslrSeed } = nextEntropy(BigInt.asUintN(64, ~seed))
  for (let at = 0; at < rngSeed.length; at += 8) {
    const next = nextEntropy(state)
    state = next.state
    view.setBigUint64(at, next.value)
  }
  return { kaslrSeed, rngSeed }
}

const cpuOf = (build: Build | undefined): string => build?.host.cpu ?? 'unknown'

/** Everything else is as KVM_ARM_VCPU_INIT leaves it: EL1, MMU off, interrupts masked, X1 to X3 zero. */
async function load(vm: LiveVm, vcpu: BackendVcpu, { parts, entry, deviceTree }: BootPlan): Promise<void> {
  for (const { address, bytes } of parts) await vm.writeMemory(address, bytes)
  await setU64(vcpu, PC_ID, entry)
  await setU64(vcpu, X0, deviceTree.address)
}
