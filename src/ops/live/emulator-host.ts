// Owns the built-in machine of a build as a place where guests live. Knows no report.
import { emulatorBackend } from '../../backends/emulator.ts'
import type { Build } from '../../builds/build.ts'
import { VERSION } from '../../version.ts'
import type { LiveHost, LiveVm } from './live-host.ts'

export function emulatorHost(build: Build): LiveHost {
  const backend = emulatorBackend(build)
  const { name, kernel, host } = build
  return {
    kind: 'emulator',
    name,
    build,
    usual: { features: ['psci_0_2'], gic: 'v3' },
    target: { build: name, kernel: kernel.release, cpu: host.cpu },
    origin: { build: name, kernel: kernel.release, cpu: host.cpu, tool: `psci-snap ${VERSION}` },
    defaultPsci: features => BigInt(features.includes('psci_0_2') ? kernel.psci.initial : kernel.psci.initialWithout02),
    createVm: async (options): Promise<LiveVm> => {
      const { surroundings, ...rest } = options
      const vm = await backend.createVm({ ...rest, ...surroundings })
      return {
        ...vm,
        unit: 'instructions',
        stepped: vm,
        get spent() {
          return vm.instructions
        },
        get ran() {
          return vm.ran
        },
        async runFor(share, signal) {
          const stop = await vm.runAll(share, signal)
          return stop.kind === 'idle' || stop.kind === 'exit' ? stop : { kind: 'over' }
        },
      }
    },
    close: () => {},
  }
}
