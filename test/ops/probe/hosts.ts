// What stands for /dev/kvm in tests of the probe: a build behind KVM's verbs, which counts the VMs that are open.
import { emulatedAbi } from '../../../src/backends/emulated-abi.ts'
import type { AbiHost } from '../../../src/backends/kvm-abi.ts'
import type { Build } from '../../../src/builds/build.ts'
import type { Recording } from '../../../src/builds/recorded/recording.ts'
import type { HostFacts } from '../../../src/ops/probe/host-facts.ts'

/** Milliseconds are instructions there: nothing that returns needs more. */
export const EMULATED_WAITS = { call: 25, block: 5, off: 5 }

export interface Counted {
  readonly host: AbiHost
  /** VMs made and not closed, VMs made, and whether the device is open. */
  readonly open: () => number
  readonly made: () => number
  readonly isClosed: () => boolean
}

export function counted(build: Build): Counted {
  const inner = emulatedAbi(build)
  let [open, made, closed] = [0, 0, false]
  const host: AbiHost = {
    description: inner.description,
    apiVersion: () => inner.apiVersion(),
    checkExtension: capability => inner.checkExtension(capability),
    createVm() {
      const vm = inner.createVm()
      const close = vm.close.bind(vm)
      open++
      made++
      vm.close = () => {
        open--
        close()
      }
      return vm
    },
    close() {
      closed = true
    },
  }
  return { host, open: () => open, made: () => made, isClosed: () => closed }
}

export const factsOf = (recording: Recording): HostFacts => ({
  unameRelease: recording.uname_r,
  unameVersion: recording.uname_v,
  commandLine: recording.append,
  vulnerabilities: recording.meta.sysfs,
  signature: '',
})
