// Owns making the vCPUs of a guest that has never run: how many a host can have, features, the pinned PSCI version. Knows no guest.
import { errnoName } from '../arch/errno.ts'
import type { Feature } from '../arch/features.ts'
import { parsePsciVersion, showPsciVersion } from '../arch/psci.ts'
import { PSCI_VERSION_ID } from '../arch/smccc.ts'
import type { BackendVcpu } from '../backends/backend.ts'
import { type ErrorCode, SnapError } from '../errors.ts'
import type { LiveHost, LiveVm } from './live/live-host.ts'
import { setU64 } from './one-register.ts'

export const unusable = ({ kind }: LiveHost): ErrorCode => (kind === 'kvm' ? 'KERNEL_REFUSED' : 'BUILD_UNUSABLE')

/**
 * vCPUs 0 to `count` - 1, initialised, and the GIC behind them. vCPU 0 boots, the others wait for the guest's CPU_ON. `prepare` gets each between
 * KVM_ARM_VCPU_INIT and finalization. Throws BUILD_UNUSABLE or KERNEL_REFUSED.
 */
export async function createVcpus(
  vm: LiveVm,
  count: number,
  features: readonly Feature[],
  host: LiveHost,
  prepare: (vcpu: BackendVcpu) => Promise<void> = async () => {},
): Promise<readonly BackendVcpu[]> {
  const vcpus: BackendVcpu[] = []
  for (let index = 0; index < count; index++) vcpus.push(await vm.createVcpu(index))
  for (const vcpu of vcpus) {
    const errno = await vcpu.init(vcpu.index === 0 ? features : [...features, 'power_off'])
    if (errno !== 0)
      throw new SnapError(unusable(host), `${host.name} refuses a vCPU with ${features.join(' ') || 'no features'}: ${errnoName(errno)}`, {
        vcpu: vcpu.index,
      })
    await prepare(vcpu)
    if (features.includes('sve')) await vcpu.finalizeSve()
  }
  await vm.finishSetup()
  return vcpus
}

/** Writes the PSCI version (`X.Y`) before the first run. Throws BUILD_UNUSABLE or KERNEL_REFUSED where the host does not take it. */
export async function pinPsci(vcpu: BackendVcpu, version: string, host: LiveHost): Promise<void> {
  const { name, build } = host
  const errno = await setU64(vcpu, PSCI_VERSION_ID, parsePsciVersion(version))
  if (errno === 0) return
  const hint = build && { hint: `it takes ${build.kernel.psci.accepted.map(v => showPsciVersion(BigInt(v))).join(', ')}` }
  throw new SnapError(unusable(host), `${name} cannot pin PSCI ${version}: ${errnoName(errno)}`, {}, hint)
}
