// Owns trying a register on an emulated host: a fresh VM for every write, in one of four phases. Knows no words.
import { errnoName } from '../../arch/errno.ts'
import { FEATURES, type Feature, featureMask } from '../../arch/features.ts'
import type { RegId } from '../../arch/reg-id.ts'
import type { BackendVcpu } from '../../backends/backend.ts'
import { emulatorBackend } from '../../backends/emulator.ts'
import type { Build } from '../../builds/build.ts'
import { bytesToBigint, valueBytes } from '../../model/register-list.ts'

/** Before KVM_ARM_VCPU_INIT; an SVE vCPU before KVM_ARM_VCPU_FINALIZE; ready; after the first KVM_RUN. */
export type Phase = 'uninitialised' | 'unfinalised' | 'fresh' | 'ran'

export interface Circumstances {
  readonly features: readonly Feature[]
  readonly phase: Phase
}

/** `errno` is absent when the call succeeded; `value` is what the register reads afterwards, `before` what it read before a write. */
export interface Attempted {
  readonly errno?: string
  readonly before?: bigint
  readonly value?: bigint
}

/** In bit order, PSCI 0.2 among them. */
export const withPsci = (features: readonly Feature[]): readonly Feature[] => FEATURES.filter(each => each === 'psci_0_2' || features.includes(each))

/** KVM_GET_ONE_REG, KVM_SET_ONE_REG of `value`, KVM_GET_ONE_REG again. Undefined when the host does not take the features. */
export async function tryWrite(build: Build, about: Circumstances, id: RegId, value: bigint): Promise<Attempted | undefined> {
  const vcpu = await vcpuOf(build, about)
  if (!vcpu) return undefined
  const ids = BigUint64Array.of(id)
  const { value: before } = await read(vcpu, id)
  const [errno = 0] = await vcpu.setRegs(ids, valueBytes(id, value))
  return { ...(before === undefined ? {} : { before }), ...(errno === 0 ? await read(vcpu, id) : { errno: errnoName(errno) }) }
}

/** KVM_GET_ONE_REG. Undefined when the host does not take the features. */
export async function tryRead(build: Build, about: Circumstances, id: RegId): Promise<Attempted | undefined> {
  const vcpu = await vcpuOf(build, about)
  return vcpu && read(vcpu, id)
}

/** KVM_GET_REG_LIST of a ready vCPU; undefined when the host does not take the features. */
export async function listOf(build: Build, features: readonly Feature[]): Promise<ReadonlySet<bigint> | undefined> {
  const vcpu = await vcpuOf(build, { features, phase: 'fresh' })
  return vcpu && new Set<bigint>((await vcpu.regList()).ids)
}

async function read(vcpu: BackendVcpu, id: RegId): Promise<Attempted> {
  const { bytes, errnos } = await vcpu.getRegs(BigUint64Array.of(id))
  const [errno = 0] = errnos
  return errno === 0 ? { value: bytesToBigint(bytes) } : { errno: errnoName(errno) }
}

/** A vCPU of a new VM with an in-kernel GICv3, as every VMM's has. */
async function vcpuOf(build: Build, { features, phase }: Circumstances): Promise<BackendVcpu | undefined> {
  if ((featureMask(features) & ~build.host.features) !== 0) return undefined
  const vm = await emulatorBackend(build).createVm({ gic: 'v3' })
  const vcpu = await vm.createVcpu(0)
  if (phase === 'uninitialised') return vcpu
  if ((await vcpu.init(features)) !== 0) return undefined
  if (features.includes('sve') && phase !== 'unfinalised') await vcpu.finalizeSve()
  await vm.finishSetup()
  // KVM_RUN of a stopped vCPU comes back at once, and counts as the VM's first run all the same.
  if (phase === 'ran') {
    await vcpu.setMpState('stopped')
    await vcpu.run({ budget: 1 })
    await vcpu.setMpState('runnable')
  }
  return vcpu
}
