// Owns the order of fields in a state file, release by release, up to where the devices begin. Source: facts/vmm-formats.md §1.3 (v1.0 to v1.14) and
// §1.7 (v1.15 on); of data version 4 and of 7.0.0, Firecracker's history (registers of v1.1.4 are not versioned; PVTime came with 7.0.0).
import { bool, bytes, choice, later, list, option, type Shape, struct, tagged, text, tuple, u32, u64, u128 } from './shape.ts'
import type { MicrovmState } from './state.ts'

/** What differs between releases. */
export interface LayoutTraits {
  readonly templates?: readonly string[]
  readonly hugePages?: readonly string[]
  /** Where guest memory's regions stand: before the VM's state, or first in it. */
  readonly memory: 'outside' | 'inside'
  readonly region: 'with-offset' | 'plain' | 'hotpluggable'
  /** Capabilities: nowhere, at the end of the VM's state, or before it. */
  readonly capabilities?: 'tagged' | 'text' | 'before'
  readonly its?: true
  readonly allocator?: 'v1.13' | 'v1.14' | 'v11'
  readonly registers: 'u64' | 'u128' | 'vector'
  /** struct kvm_mp_state and kvm_vcpu_init: absent, as fields, as bytes. */
  readonly kvi?: 'fields' | 'optional-fields' | 'bytes'
  readonly pvtime?: true
}

const ALLOCATION: Shape<unknown> = struct({ start: u64, end: u64 })
const NODE: Shape<unknown> = later(() => struct({ key: ALLOCATION, state: choice('Free', 'Allocated'), left: option(NODE), right: option(NODE), height: u64 }))
const ADDRESSES = struct({ addressSpace: ALLOCATION, root: option(NODE) })
const IDS = struct({ rangeBase: u32, nextId: option(u32), rangeEnd: u32, freedIds: list(u32) })
const ALLOCATORS = {
  'v1.13': struct({ gsiLegacy: IDS, gsiMsi: IDS, mmio32: ADDRESSES, mmio64: ADDRESSES, system: ADDRESSES }),
  'v1.14': struct({ gsiLegacy: IDS, gsiMsi: IDS, mmio32: ADDRESSES, mmio64: ADDRESSES, pastMmio64: ADDRESSES, system: ADDRESSES }),
  v11: struct({ mmio32: ADDRESSES, mmio64: ADDRESSES, pastMmio64: ADDRESSES, system: ADDRESSES }),
} as const

const ITS = struct({ iidr: u64, cbaser: u64, creadr: u64, cwriter: u64, baser: tuple(u64, 8), ctlr: u64 })
const GIC_VCPU = struct({ rdist: list(list(u32)), icc: struct({ main: list(list(u64)), ap: list(option(list(u64))) }) })

/** The type tree of everything before the devices. */
export function layoutShape(traits: LayoutTraits): Shape<MicrovmState> {
  const vmInfo = struct({
    memSizeMib: u64,
    ...(traits.templates
      ? {
          smt: bool,
          cpuTemplate: choice(...traits.templates),
          bootSource: struct({ kernelImagePath: text, initrdPath: option(text), bootArgs: option(text) }),
        }
      : {}),
    ...(traits.hugePages ? { hugePages: choice(...traits.hugePages) } : {}),
  })
  const memory = list(
    struct({
      baseAddress: u64,
      size: u64,
      ...(traits.region === 'with-offset' ? { offset: u64 } : {}),
      ...(traits.region === 'hotpluggable' ? { regionType: choice('Dram', 'Hotpluggable'), plugged: list(bool) } : {}),
    }),
  )
  const gic = struct({ dist: list(list(u32)), vcpus: list(GIC_VCPU), ...(traits.its ? { its: option(ITS) } : {}) })
  const vm = struct({
    ...(traits.memory === 'inside' ? { memory } : {}),
    gic,
    ...(traits.capabilities === 'tagged' ? { capModifiers: list(tagged(['Add', u32], ['Remove', u32])) } : {}),
    ...(traits.capabilities === 'text' ? { capModifiers: list(text) } : {}),
    ...(traits.allocator ? { resourceAllocator: ALLOCATORS[traits.allocator] } : {}),
  })
  return struct({
    vmInfo,
    ...(traits.memory === 'outside' ? { memory } : {}),
    ...(traits.capabilities === 'before' ? { kvm: list(text) } : {}),
    vm,
    vcpus: list(vcpuShape(traits)),
  }) as Shape<unknown> as Shape<MicrovmState>
}

function vcpuShape({ registers, kvi, pvtime }: LayoutTraits): Shape<unknown> {
  const init = struct({ target: u32, features: tuple(u32, 7) })
  return struct({
    mpState: kvi === 'bytes' ? bytes : u32,
    regs: registers === 'vector' ? struct({ ids: list(u64), data: bytes }) : list(struct({ id: u64, value: registers === 'u64' ? u64 : u128 })),
    mpidr: u64,
    ...(kvi === 'bytes' ? { kvi: bytes } : kvi === 'fields' ? { kvi: init } : kvi === 'optional-fields' ? { kvi: option(init) } : {}),
    ...(pvtime ? { pvtimeIpa: option(u64) } : {}),
  })
}
