// Owns a KVM host as a place where guests live: who it is, and time instead of instructions.
// Works over any AbiHost; only backend-choice.ts opens /dev/kvm.
import { type Feature, featureMask } from '../../arch/features.ts'
import { cpuName } from '../../arch/midr.ts'
import { sysRegId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import { type KvmVm, kvmBackend } from '../../backends/kvm/backend.ts'
import { type AbiHost, getAbi64 } from '../../backends/kvm-abi.ts'
import type { Gic } from '../../model/snapshot.ts'
import { VERSION } from '../../version.ts'
import type { LiveHost, LiveVm } from './live-host.ts'

/** KVM_CAP_ARM_PMU_V3 (include/uapi/linux/kvm.h). */
const CAP_PMU_V3 = 126
const MIDR_EL1 = sysRegId(3, 0, 0, 0, 0)

export interface HostIdentity {
  /** `host linux-6.12.117+deb13-arm64`. */
  readonly name: string
  /** `uname -r`. */
  readonly kernel: string
  /** By MIDR_EL1; `MIDR_EL1 0x…` for a part that has no name here. */
  readonly cpu: string
  /** The newest interrupt controller that its VMs can have. */
  readonly gic: Gic
  /** What a fresh vCPU with and without the feature psci_0_2 gets; undefined where it makes none. */
  readonly psci: { readonly initial: bigint | undefined; readonly initialWithout02: bigint | undefined }
}

/** Makes vCPUs to ask them; a host that makes none is one of an unknown CPU. */
export function identify(host: AbiHost): HostIdentity {
  const kernel = host.description
  const { midr, psci, gic } = fresh(host, ['psci_0_2'])
  return {
    name: `host ${kernel.startsWith('linux-') ? '' : 'linux-'}${kernel}`,
    kernel,
    cpu: midr === undefined ? 'unknown' : (cpuName(midr) ?? `MIDR_EL1 0x${midr.toString(16)}`),
    gic,
    psci: { initial: psci, initialWithout02: fresh(host, []).psci },
  }
}

interface Fresh {
  readonly midr: bigint | undefined
  readonly psci: bigint | undefined
  readonly gic: Gic
}

function fresh(host: AbiHost, features: readonly Feature[]): Fresh {
  const vm = host.createVm()
  try {
    const vcpu = vm.createVcpu(0)
    const isMade = vcpu.init([featureMask(features)]) === 0
    const read = (id: bigint): bigint | undefined => (isMade ? getAbi64(vcpu, id) : undefined)
    const [midr, psci] = [read(MIDR_EL1), read(PSCI_VERSION_ID)]
    return { midr, psci, gic: (['v3', 'v2'] as const).find(version => vm.createGic(version) === 0) ?? 'none' }
  } finally {
    vm.close()
  }
}

/** `close` closes `host` too. */
export function kvmHost(host: AbiHost): LiveHost {
  const { name, kernel, cpu, gic, psci } = identify(host)
  const hasPmu = host.checkExtension(CAP_PMU_V3) > 0
  const backend = kvmBackend(host)
  return {
    kind: 'kvm',
    name,
    // With a PMU, as VMMs make them: Linux 5.10 lists PMU registers for every vCPU, and without one no newer kernel takes them.
    usual: { features: hasPmu ? ['psci_0_2', 'pmu_v3'] : ['psci_0_2'], gic },
    target: { build: name, kernel, cpu },
    origin: { kernel, cpu, tool: `psci-snap ${VERSION}` },
    defaultPsci: features => (features.includes('psci_0_2') ? psci.initial : psci.initialWithout02),
    // Its board has one device, the console.
    createVm: async ({ board, surroundings: _, ...options }) => liveVm(await backend.createVm({ ...options, ...(board ? { board: true } : {}) })),
    close: () => host.close(),
  }
}

function liveVm(vm: KvmVm): LiveVm {
  let spent = 0
  return {
    unit: 'milliseconds',
    get spent() {
      return Math.round(spent)
    },
    get ran() {
      return vm.ran
    },
    createVcpu: index => vm.createVcpu(index),
    finishSetup: () => vm.finishSetup(),
    setSmcccFilter: range => vm.setSmcccFilter(range),
    setCounterOffset: offset => vm.setCounterOffset(offset),
    checkExtension: capability => vm.checkExtension(capability),
    writeMemory: (address, bytes) => vm.writeMemory(address, bytes),
    readMemory: (address, length) => vm.readMemory(address, length),
    async runFor(share, signal) {
      const start = performance.now()
      try {
        const stop = await vm.runAll(share, signal)
        if (stop.kind === 'time') return { kind: 'over' }
        if (stop.kind === 'idle') return stop
        return stop.exit.kind === 'blocked' ? { kind: 'idle' } : { ...stop, exit: stop.exit }
      } finally {
        spent += performance.now() - start
      }
    },
    console: () => vm.console(),
    devices: () => vm.devices(),
    memory: () => vm.memory(),
    machineState: () => undefined,
    close: () => vm.close(),
  }
}
