// Owns the birth of a guest on a build that never runs: vCPUs, GIC, the registers that a VMM writes before the first run, and what became of
// them. The emulated KVM alone, without memory or engine. Judges nothing.
import { errnoName } from '../../arch/errno.ts'
import { type Feature, featureMask } from '../../arch/features.ts'
import { type RegId, regBytes, sveVlsId } from '../../arch/reg-id.ts'
import type { Build } from '../../builds/build.ts'
import type { Vcpu } from '../../emulator/kvm/vcpu.ts'
import { Vm } from '../../emulator/kvm/vm.ts'
import { SnapError } from '../../errors.ts'
import { bytesToBigint } from '../../model/register-list.ts'
import type { Gic, Snapshot } from '../../model/snapshot.ts'
import { listOf } from '../load/list-of.ts'

/** A register that a VMM writes before the first run, on every vCPU that lists it. */
export interface Pin {
  readonly id: RegId
  readonly value: bigint
  /** Which bits are meant; the others stay the host's. Absent: all. */
  readonly mask?: bigint
}

export interface BirthOptions {
  readonly features: readonly Feature[]
  /** Default 1. */
  readonly vcpus?: number
  /** Default v3. */
  readonly gic?: Gic
  readonly pins?: readonly Pin[]
  /** The first KVM_RUN has happened: what it does to ID registers is done. No instruction is executed. */
  readonly hasRun?: boolean
}

export interface Birth {
  readonly snapshot: Snapshot
  /** Pins that KVM refused, once for all vCPUs. */
  readonly refused: readonly { readonly id: RegId; readonly errno: number }[]
  /** Pins that read back as something else. */
  readonly kept: readonly { readonly id: RegId; readonly readBack: bigint }[]
}

const ALL_BITS = (1n << 512n) - 1n
/** KVM_ARM_VCPU_SVE of KVM_ARM_VCPU_FINALIZE. */
const FINALIZE_SVE = 4

const bytesOf = (id: RegId, value: bigint): Uint8Array => {
  const bytes = new Uint8Array(regBytes(id))
  for (let i = 0, rest = value; i < bytes.length; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}

/** Throws BUILD_UNUSABLE when the host does not take a vCPU with these features. */
export function bear(build: Build, { features, vcpus: count = 1, gic = 'v3', pins = [], hasRun = false }: BirthOptions): Birth {
  const vm = new Vm(build)
  const vcpus = Array.from({ length: count }, (_, index) => vm.createVcpu(index))
  for (const vcpu of vcpus) check(build, features, vcpu.init(featureMask(features)))
  const refused = new Map<RegId, number>()
  const write = (vcpu: Vcpu, { id, value, mask }: Pin): void => {
    const own = read(vcpu, id)
    const wanted = mask === undefined ? value : ((own ?? 0n) & ~mask) | (value & mask)
    const errno = wanted === own ? 0 : vcpu.setReg(id, bytesOf(id, wanted))
    if (errno !== 0 && !refused.has(id)) refused.set(id, errno)
  }
  const [lengths, others] = [pins.filter(({ id }) => id === sveVlsId), pins.filter(({ id }) => id !== sveVlsId)]
  for (const vcpu of vcpus) {
    for (const pin of lengths) write(vcpu, pin)
    if (features.includes('sve')) check(build, features, vcpu.finalize(FINALIZE_SVE))
  }
  if (gic !== 'none' && vm.createGic(gic) !== 0) throw new SnapError('BUILD_UNUSABLE', `${build.name} offers no GIC${gic}`)
  for (const vcpu of vcpus) for (const pin of others) write(vcpu, pin)
  if (hasRun) vm.firstRun()
  const saved = vcpus.map(vcpu => ({ index: vcpu.index, registers: listOf(vcpu), mpState: 'runnable' as const, events: vcpu.getEvents(), features }))
  const kept = pins.flatMap(({ id, value, mask = ALL_BITS }) => {
    const readBack = read(vcpus[0]!, id)
    return readBack === undefined || ((readBack ^ value) & mask) === 0n || refused.has(id) ? [] : [{ id, readBack }]
  })
  const snapshot: Snapshot = {
    origin: { build: build.name, kernel: build.kernel.release, cpu: build.host.cpu },
    gic,
    stop: 'running',
    vm: { systemSuspend: false, writableImpIdRegs: false, smcccFilter: [], ipaBits: 40 },
    vcpus: saved,
    devices: [],
    memory: [],
  }
  return { snapshot, refused: [...refused].map(([id, errno]) => ({ id, errno })), kept }
}

function check(build: Build, features: readonly Feature[], errno: number): void {
  if (errno === 0) return
  throw new SnapError('BUILD_UNUSABLE', `${build.name} refuses a vCPU with ${features.join(' ') || 'no features'}: ${errnoName(errno)}`)
}

function read(vcpu: Vcpu, id: RegId): bigint | undefined {
  const bytes = new Uint8Array(regBytes(id))
  return vcpu.getReg(id, bytes) === 0 ? bytesToBigint(bytes) : undefined
}
