// Owns a VM made the way the recorded probe makes it (recordings/src/probe.c), over any host: feature sets, two vCPUs, a small guest, calls into it.
import { type RegId, regBytes } from '../../src/arch/reg-id.ts'
import { type AbiExit, type AbiHost, type AbiVcpu, type AbiVm, getAbi64, setAbi64 } from '../../src/backends/kvm-abi.ts'
import { GUEST_WORDS } from '../../src/ops/probe/guest-words.ts'
import { bitmap, coreAt as core, fw, MPIDR, PC, PSTATE, sysreg, VBAR, xReg as X } from '../../src/ops/probe/registers.ts'
import { hex } from './contract.ts'

export { bitmap, core, fw, MPIDR, PC, PSTATE, sysreg, VBAR, X }

export interface FeatureSet {
  readonly name: string
  readonly features: number
  readonly gic: boolean
  /** Capabilities without which a host cannot have it. */
  readonly needs: readonly number[]
}
const PSCI_02 = 1 << 2
const PMU = 1 << 3
const SVE = 1 << 4
const PAUTH = 3 << 5
export const CAP = { pmu: 126, ipaSize: 165, sve: 170, pauth: 171, aarch32: 93, systemSuspend: 216, writableImpId: 239, el2: 240 } as const
export const SETS: readonly FeatureSet[] = [
  { name: 'psci02', features: PSCI_02, gic: false, needs: [] },
  { name: 'psci01', features: 0, gic: false, needs: [] },
  { name: 'sve', features: PSCI_02 | SVE, gic: false, needs: [CAP.sve] },
  { name: 'pmu', features: PSCI_02 | PMU, gic: false, needs: [CAP.pmu] },
  { name: 'vgic3', features: PSCI_02, gic: true, needs: [] },
  { name: 'pauth', features: PSCI_02 | PAUTH, gic: false, needs: [CAP.pauth] },
  { name: 'aarch32', features: PSCI_02 | (1 << 1), gic: false, needs: [CAP.aarch32] },
  { name: 'all', features: PSCI_02 | PMU | SVE | PAUTH, gic: true, needs: [CAP.sve, CAP.pauth, CAP.pmu] },
  { name: 'el2', features: PSCI_02 | (1 << 7), gic: true, needs: [CAP.el2] },
]
export const setNamed = (name: string): FeatureSet => SETS.find(set => set.name === name)!
export const offers = (host: AbiHost, { needs }: FeatureSet): boolean => needs.every(capability => host.checkExtension(capability) > 0)

export const IPA = 0x4000_0000n
export const MEMORY = 0x1_0000
export const MMIO = 0x0900_0000n
export const VLS = 0x6060_0000_0015_ffffn
export const TIMER_CNT = sysreg(3, 3, 14, 3, 2)
export const PTIMER_CNT = sysreg(3, 3, 14, 0, 1)
/** Counters that run: their values are nobody's rule. */
export const RUNNING: ReadonlySet<bigint> = new Set([TIMER_CNT, PTIMER_CNT, sysreg(3, 3, 9, 13, 0)])
export const sized = (id: bigint, nibble: number): bigint => (id & ~0x00f0_0000_0000_0000n) | (BigInt(nibble) << 52n)

/** Small pieces of guest code that the recorded guest does not have, at their offsets. All store to X19 when they are done. */
export const PIECE = {
  load8: 0x1000,
  load4: 0x1020,
  load2: 0x1040,
  load1: 0x1060,
  loadSigned: 0x1080,
  store1: 0x10a0,
  store4: 0x10c0,
  memory: 0x10e0,
  spin: 0x1100,
  wait: 0x1120,
} as const
const NOP = 0xd503_201f
const STORE = 0xf900_0260
const PIECES: readonly (readonly [offset: number, words: readonly number[]])[] = [
  // ldr x0, [x19]; ldr w0; ldrh w0; ldrb w0; ldrsb x0
  ...(
    [
      [PIECE.load8, 0xf940_0260],
      [PIECE.load4, 0xb940_0260],
      [PIECE.load2, 0x7940_0260],
      [PIECE.load1, 0x3940_0260],
      [PIECE.loadSigned, 0x3980_0260],
    ] as const
  ).map(([at, word]) => [at, [NOP, word, STORE, 0x1400_0000]] as const),
  // strb w0, [x19]; str w0, [x19]
  [PIECE.store1, [NOP, 0x3900_0260, 0x1400_0000]],
  [PIECE.store4, [NOP, 0xb900_0260, 0x1400_0000]],
  // ldr x2, [x1]; add x2, x2, #1; str x2, [x1, #8]; str x2, [x19]
  [PIECE.memory, [NOP, 0xf940_0022, 0x9100_0442, 0xf900_0422, 0xf900_0262, 0x1400_0000]],
  // b .
  [PIECE.spin, [NOP, 0x1400_0000]],
  // wfi; b back to it
  [PIECE.wait, [NOP, 0xd503_207f, 0x17ff_ffff]],
]

export interface RigOptions {
  readonly vcpus?: number
  /** Before the first vCPU. */
  readonly prepare?: (vm: AbiVm) => void
  /** Leaves the vCPUs as KVM_CREATE_VCPU makes them. */
  readonly bare?: boolean
}

/** Calls `use` with a VM and closes that, whatever happens. */
export function withRig<T>(host: AbiHost, set: FeatureSet, use: (rig: Rig) => T, options: RigOptions = {}): T {
  const vm = host.createVm()
  try {
    return use(new Rig(vm, set, options))
  } finally {
    vm.close()
  }
}

export class Rig {
  readonly vm: AbiVm
  readonly vcpus: readonly AbiVcpu[]
  readonly memory: Uint8Array
  readonly set: FeatureSet

  constructor(vm: AbiVm, set: FeatureSet, { vcpus = 2, prepare, bare = false }: RigOptions) {
    this.vm = vm
    this.set = set
    this.memory = vm.addMemory(IPA, MEMORY)
    for (const [offset, words] of [...GUEST_WORDS, ...PIECES]) this.memory.set(new Uint8Array(Uint32Array.from(words).buffer), offset)
    prepare?.(vm)
    this.vcpus = Array.from({ length: vcpus }, (_, index) => vm.createVcpu(index))
    if (bare) return
    for (const vcpu of this.vcpus) check('KVM_ARM_VCPU_INIT', vcpu.init([set.features | (vcpu.index === 0 ? 0 : 1)]))
    if (set.features & SVE) for (const vcpu of this.vcpus) check('KVM_ARM_VCPU_FINALIZE', vcpu.finalize(4))
    if (set.gic) check('GICv3', vm.createGic('v3'))
  }

  /** The PMU has to be ready before the first run. */
  readyToRun(): void {
    if (this.set.features & PMU) for (const vcpu of this.vcpus) check('PMU', vcpu.initPmu(this.set.gic ? 23 : undefined))
    this.setup(0)
  }
  vcpu(index: number): AbiVcpu {
    return this.vcpus[index]!
  }
  get(index: number, id: bigint): bigint {
    return getAbi64(this.vcpu(index), id) ?? 0xbad0_bad0_bad0_bad0n
  }
  put(index: number, id: bigint, value: bigint): number {
    return setAbi64(this.vcpu(index), id, value)
  }
  setup(index: number): void {
    this.put(index, X(19), MMIO)
    this.put(index, X(21), MMIO + 0x200n)
    this.put(index, VBAR, IPA + 0x800n)
    this.put(index, PC, IPA)
  }
  /** Runs vCPU `index` from `offset` with X0 … X3. */
  call(index: number, offset: number, x: readonly bigint[], milliseconds = 1500): AbiExit {
    for (let n = 0; n < 4; n++) this.put(index, X(n), x[n] ?? 0n)
    this.put(index, PC, IPA + BigInt(offset))
    return this.vcpu(index).run(milliseconds)
  }
  x(index: number): string {
    return [0, 1, 2, 3].map(n => hex(this.get(index, X(n)))).join(' ')
  }
  modes(): string {
    return this.vcpus.map(vcpu => vcpu.getMpState()).join(' ')
  }
}

/** A call of the rig's own that failed: on a host that says it offers this, the case has failed. */
function check(call: string, errno: number): void {
  if (errno !== 0) throw new NotMade(`${call} fails with errno ${errno}`)
}
/** The host refused to make what a case asked for. */
export class NotMade extends Error {}

export const get = (vcpu: AbiVcpu, id: bigint): number => vcpu.getReg(id).errno
export const set = (vcpu: AbiVcpu, id: bigint, value = 0n): number => {
  const bytes = new Uint8Array(Math.max(8, regBytes(id as RegId)))
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true)
  return vcpu.setReg(id, bytes.subarray(0, regBytes(id as RegId)))
}
/** A register's value as text: a number, or its bytes in memory order. */
export function printed(bytes: Uint8Array): string {
  if (bytes.length <= 8) return hex(bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n))
  return bytes.some(byte => byte !== 0) ? `b${Buffer.from(bytes).toString('hex')}` : `z${bytes.length}`
}
/** What a run came back with, without what only time decides. */
export function exitText({ errno, reason, mmio, systemEvent, hypercall, nisv }: AbiExit): string {
  if (errno !== 0) return `errno ${errno}`
  if (mmio) return `mmio ${hex(mmio.address)} ${mmio.write ? 'store' : 'load'} ${mmio.size} ${hex(mmio.data)}`
  if (systemEvent)
    return `event ${systemEvent.type} ndata ${systemEvent.ndata} data ${systemEvent.data.map(word => (word === undefined ? '-' : hex(word))).join(' ')}`
  if (hypercall) return `hypercall ${hex(hypercall.nr)} flags ${hex(hypercall.flags)}`
  if (nisv) return `nisv ${hex(nisv.syndrome)} ${hex(nisv.address)}`
  return `exit ${reason}`
}
/** What calling this throws, or `nothing`. */
export function thrown(call: () => unknown): string {
  try {
    call()
    return 'nothing'
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error)
  }
}
