// Owns a VM that is nothing but what firmware sees: registers in an array, power states, no kernel and no CPU.
import type { FirmwareRules } from '../../../src/builds/firmware-rules.ts'
import type { FirmwareVcpu, FirmwareVm } from '../../../src/emulator/firmware/firmware.ts'
import { nextEntropy } from '../../../src/emulator/firmware/trng.ts'

export const ALL_RULES: FirmwareRules = {
  conduits: { hvc0: true, hvcOther: true, smc0: true, smcOther: false },
  workaroundCalls: true,
  trng: true,
  pvTime: true,
  vendorUid: true,
  vendorFeatures: true,
  vendorPtp: true,
  strictAffinity: true,
  eventData: true,
  systemSuspend: true,
  inferred: [],
}

export interface ModelVcpu extends FirmwareVcpu {
  readonly x: bigint[]
  state: 'runnable' | 'stopped'
  start: { readonly pc: bigint; readonly context: bigint; readonly bigEndian: boolean } | undefined
}
export interface ModelVm extends FirmwareVm {
  readonly vcpus: readonly ModelVcpu[]
  version: number
  systemSuspend: boolean
  readonly bitmaps: Map<number, bigint>
  readonly workarounds: Map<number, bigint>
  filter: (functionId: number) => 'handle' | 'deny' | 'forward'
}

/** vCPU 0 runs, the others are off, as in the recordings. */
export function modelVm(rules: FirmwareRules = ALL_RULES, count = 2): ModelVm {
  let entropy = 1n
  const vcpu = (index: number): ModelVcpu => ({
    index,
    x: [0n, 0n, 0n, 0n],
    state: index === 0 ? 'runnable' : 'stopped',
    start: undefined,
    readX(n) {
      return this.x[n] ?? 0n
    },
    writeX(n, value) {
      this.x[n] = value
    },
    affinity: () => BigInt(index),
    stopped() {
      return this.state === 'stopped'
    },
    stop() {
      this.state = 'stopped'
    },
    psciVersion: () => vm.version,
    workaroundLevel: n => vm.workarounds.get(n),
    bigEndian: () => false,
    powerOn(start) {
      this.start = start
      this.state = 'runnable'
    },
    virtualCount: () => 0x1_0000_0002n,
    physicalCount: () => 0x3_0000_0004n,
  })
  const vcpus = Array.from({ length: count }, (_, index) => vcpu(index))
  const vm: ModelVm = {
    rules,
    vcpus,
    version: 0x1_0003,
    systemSuspend: false,
    bitmaps: new Map(),
    workarounds: new Map(),
    filter: () => 'handle',
    bitmap: index => vm.bitmaps.get(index),
    filterAction: functionId => vm.filter(functionId),
    random64() {
      const next = nextEntropy(entropy)
      entropy = next.state
      return next.value
    },
    realTime: () => 0x1234_5678_9abc_def0n,
  }
  return vm
}
