// Makes state files of every release that is known, from a small VM: what real files cannot be had for. Its encoders are the product's, which the
// samples hold to the bytes of others; its structure is written out here once more.

import { encodeBincode } from '../../../../src/formats/importers/firecracker/bincode.ts'
import { encodeBitcode } from '../../../../src/formats/importers/firecracker/bitcode.ts'
import { crc64Bytes } from '../../../../src/formats/importers/firecracker/crc64.ts'
import { layoutShape } from '../../../../src/formats/importers/firecracker/layouts.ts'
import type { Release } from '../../../../src/formats/importers/firecracker/releases.ts'
import type { MicrovmState, VcpuState } from '../../../../src/formats/importers/firecracker/state.ts'
import { bigintToBytes } from './bytes.ts'

export const PC = 0x6030_0000_0010_0040n
export const V0 = 0x6040_0000_0010_0054n
export const FPSR = 0x6020_0000_0010_00d4n
export const MPIDR = 0x6030_0000_0013_c005n
export const PSCI = 0x6030_0000_0014_0000n
export const VLS = 0x6060_0000_0015_ffffn

export interface Vm {
  /** [id, value] per vCPU. */
  readonly vcpus: readonly (readonly (readonly [bigint, bigint])[])[]
  readonly mpState?: number
  /** Word 0 of the features, where the release saves it. */
  readonly features?: number
  readonly devices?: Uint8Array
  readonly gic?: MicrovmState['vm']['gic']
  readonly memory?: MicrovmState['memory']
}

export const someRegisters = (vcpu: number): (readonly [bigint, bigint])[] => [
  [PC, 0xffff_8000_1234_5678n + BigInt(vcpu)],
  [V0, 0x0123_4567_89ab_cdef_0fed_cba9_8765_4321n],
  [FPSR, 0x10n],
  [MPIDR, 0x8000_0000n + BigInt(vcpu)],
  [PSCI, 0x1_0001n],
]
export const smallVm: Vm = { vcpus: [someRegisters(0), someRegisters(1)], devices: Uint8Array.from({ length: 40 }, (_, i) => i * 7) }

/** GICv3 lists as Firecracker saves them, for 96 shared interrupts. */
export function gicV3(vcpus: number): MicrovmState['vm']['gic'] {
  let next = 1
  const words = (count: number): number[] => Array.from({ length: count }, () => next++)
  const perIrq = (bits: number): number[] => words((96 * bits) / 32)
  return {
    dist: [words(1), words(1), perIrq(1), perIrq(1), perIrq(1), perIrq(64), perIrq(2), perIrq(1), perIrq(1), perIrq(1), perIrq(1), perIrq(8)],
    vcpus: Array.from({ length: vcpus }, () => ({
      rdist: [1, 1, 2, 2, 1, 1, 1, 1, 2, 1, 1, 1, 1, 8].map(words),
      icc: { main: Array.from({ length: 7 }, () => [BigInt(next++)]), ap: Array.from({ length: 8 }, (_, i) => (i % 4 === 0 ? [BigInt(next++)] : undefined)) },
    })),
  }
}

const block = { addressSpace: { start: 0n, end: 1n << 32n }, root: undefined }
const node = (start: bigint, left?: unknown, right?: unknown): unknown => ({ key: { start, end: start + 0xfffn }, state: 'Allocated', left, right, height: 1n })
const ids = { rangeBase: 32, nextId: 35, rangeEnd: 127, freedIds: [33] }

/** The state that the release's layout has fields for. */
export function stateOf({ traits }: Release, vm: Vm): MicrovmState {
  const kvi = { target: 5, features: Object.fromEntries([vm.features ?? 4, 0, 0, 0, 0, 0, 0].map((word, i) => [String(i), word])) }
  const kviBytes = new Uint8Array(new Uint32Array([5, ...Object.values(kvi.features)]).buffer)
  const vcpus = vm.vcpus.map((registers, i): VcpuState => {
    const slots = registers.map(([id, value]) => ({ id, value: traits.registers === 'u64' ? BigInt.asUintN(64, value) : value }))
    const vector = {
      ids: registers.map(([id]) => id),
      data: new Uint8Array(Buffer.concat(registers.map(([id, value]) => bigintToBytes(value, 1 << Number((id >> 52n) & 15n))))),
    }
    const mpState = vm.mpState ?? 0
    return {
      mpState: traits.kvi === 'bytes' ? new Uint8Array(new Uint32Array([mpState]).buffer) : mpState,
      regs: traits.registers === 'vector' ? vector : slots,
      mpidr: 0x8000_0000n + BigInt(i),
      ...(traits.kvi === 'bytes' ? { kvi: kviBytes } : traits.kvi ? { kvi } : {}),
      ...(traits.pvtime ? { pvtimeIpa: i === 0 ? undefined : 0x4000_0000n } : {}),
    }
  })
  const regions = vm.memory ?? [{ baseAddress: 0x8000_0000n, size: 0x20_0000n }]
  let offset = 0n
  const memory = regions.map(region => {
    const placed = {
      baseAddress: region.baseAddress,
      size: region.size,
      ...(traits.region === 'with-offset' ? { offset } : {}),
      ...(traits.region === 'hotpluggable' ? { regionType: region.regionType ?? 'Dram', plugged: region.plugged ?? [true] } : {}),
    }
    offset += region.size
    return placed
  })
  const its = {
    iidr: 1n,
    cbaser: 2n,
    creadr: 3n,
    cwriter: 4n,
    baser: Object.fromEntries(Array.from({ length: 8 }, (_, i) => [String(i), BigInt(16 + i)])),
    ctlr: 5n,
  }
  const mmio32 = { ...block, root: node(0x1000n, node(0n), node(0x2000n, undefined, node(0x3000n))) }
  const allocators = {
    ...(traits.allocator === 'v11' ? {} : { gsiLegacy: ids, gsiMsi: { ...ids, nextId: undefined } }),
    mmio32,
    mmio64: block,
    ...(traits.allocator === 'v1.13' ? {} : { pastMmio64: block }),
    system: block,
  }
  return {
    vmInfo: {
      memSizeMib: 2n,
      ...(traits.templates
        ? { smt: false, cpuTemplate: 'None', bootSource: { kernelImagePath: '/boot/vmlinux', initrdPath: undefined, bootArgs: 'console=ttyS0 panic=1' } }
        : {}),
      ...(traits.hugePages ? { hugePages: 'None' } : {}),
    },
    ...(traits.memory === 'outside' ? { memory } : {}),
    ...(traits.capabilities === 'before' ? { kvm: ['170', '!171'] } : {}),
    vm: {
      ...(traits.memory === 'inside' ? { memory } : {}),
      gic: { ...(vm.gic ?? gicV3(vm.vcpus.length)), ...(traits.its ? { its } : {}) },
      ...(traits.capabilities === 'tagged' ? { capModifiers: [['Add', 170] as const, ['Remove', 171] as const] } : {}),
      ...(traits.capabilities === 'text' ? { capModifiers: ['170', '!171'] } : {}),
      ...(traits.allocator ? { resourceAllocator: allocators } : {}),
    },
    vcpus,
  }
}

/** Magic and version, as each encoding puts them down. */
export function headOf({ encoding, version }: Release): Uint8Array {
  const magic = bigintToBytes(encoding === 'versionize' ? 0x0710_1984_aaaa_0001n : 0x0710_1984_aaaa_0000n, 8)
  const ascii = new TextEncoder().encode(version)
  if (encoding === 'versionize') return Buffer.concat([magic, bigintToBytes(BigInt(version), 2)])
  return encoding === 'bincode'
    ? Buffer.concat([magic, bigintToBytes(BigInt(ascii.length), 8), ascii])
    : Buffer.concat([[0], magic, [ascii.length], ascii].map(part => Uint8Array.from(part)))
}

export function makeVmstate(release: Release, vm: Vm = smallVm): Uint8Array {
  const shape = layoutShape(release.traits)
  const state = stateOf(release, vm)
  return withCrc(
    Buffer.concat([
      headOf(release),
      release.encoding === 'bitcode' ? encodeBitcode(shape, state) : encodeBincode(shape, state),
      vm.devices ?? new Uint8Array(0),
    ]),
  )
}

export const withCrc = (content: Uint8Array): Uint8Array => new Uint8Array(Buffer.concat([content, crc64Bytes(content)]))
/** The same file after its content was changed: with a checksum that is right again. */
export const fixCrc = (bytes: Uint8Array): Uint8Array => withCrc(bytes.subarray(0, Math.max(0, bytes.length - 8)))
