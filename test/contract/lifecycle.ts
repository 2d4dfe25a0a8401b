// Owns the cases about hosts, VMs and vCPUs coming and going: the calls themselves, independence of two VMs, nothing left behind.
import { readdirSync } from 'node:fs'
import type { AbiHost } from '../../src/backends/kvm-abi.ts'
import { CAPABILITY_NUMBERS } from '../../src/builds/recorded/capabilities.ts'
import type { ContractCase } from './contract.ts'
import { CAP, fw, get, IPA, MEMORY, offers, Rig, set, setNamed, thrown, withRig, X } from './rig.ts'

const EINVAL = 22
/** KVM_CAP_ARM_SUPPORTED_BLOCK_SIZES, 212 (another architecture's) and others that say what QEMU or Debian chose are the host's own. */
const ABOUT_THE_HOST: ReadonlySet<string> = new Set(['ARM_SUPPORTED_BLOCK_SIZES'])

const withVm = (host: AbiHost, use: (vm: ReturnType<AbiHost['createVm']>) => void, ipaBits?: number): void => {
  const vm = host.createVm(ipaBits)
  try {
    use(vm)
  } finally {
    vm.close()
  }
}

export const lifecycleCases: readonly ContractCase[] = [
  {
    name: 'API version is 12 (kvm.h: frozen)',
    run: (host, { must }) => must('KVM_GET_API_VERSION', host.apiVersion(), 12),
  },
  {
    name: 'capabilities, on /dev/kvm and on a VM',
    run: (host, { saw }) =>
      withVm(host, vm => {
        for (const [name, number] of Object.entries(CAPABILITY_NUMBERS))
          if (!ABOUT_THE_HOST.has(name)) saw(name, `${host.checkExtension(number)} ${vm.checkExtension(number)}`)
      }),
  },
  {
    name: 'enabling capabilities: SYSTEM_SUSPEND any time, WRITABLE_IMP_ID_REGS before the first vCPU, unknown ones never',
    run: (host, { saw, must }) =>
      withVm(host, vm => {
        vm.addMemory(IPA, MEMORY)
        saw('SYSTEM_SUSPEND', vm.enableCapability(CAP.systemSuspend))
        saw('WRITABLE_IMP_ID_REGS', vm.enableCapability(CAP.writableImpId))
        must('an unknown one', vm.enableCapability(9999), EINVAL)
        vm.createVcpu(0)
        saw('SYSTEM_SUSPEND with a vCPU', vm.enableCapability(CAP.systemSuspend))
        saw('WRITABLE_IMP_ID_REGS with a vCPU', vm.enableCapability(CAP.writableImpId))
      }),
  },
  {
    name: "address sizes: 32 bits to the host's limit, 40 without asking (api.rst, KVM_CREATE_VM)",
    run(host, { must }) {
      const most = host.checkExtension(CAP.ipaSize)
      // Not the most: 7.3 frees a VM of 52 bits gigabyte by gigabyte, a minute's work in an emulated host.
      for (const bits of [0, 32, 36, 40, 44])
        must(
          `${bits} bits`,
          thrown(() => withVm(host, vm => void vm.createVcpu(0), bits)),
          bits > most ? 'KERNEL_REFUSED' : 'nothing',
        )
      for (const bits of [1, 31, most + 1, 255])
        must(
          `${bits} bits`,
          thrown(() => host.createVm(bits).close()),
          'KERNEL_REFUSED',
        )
      withVm(host, vm => void vm.addMemory(1n << 33n, MEMORY), 36)
    },
  },
  {
    name: 'the preferred target names no feature (api.rst, KVM_ARM_PREFERRED_TARGET)',
    run: (host, { saw, must }) =>
      withVm(host, vm => {
        const { errno, target, features } = vm.preferredTarget()
        must('errno', errno, 0)
        must('features', features, [0, 0, 0, 0, 0, 0, 0])
        saw('target', target)
      }),
  },
  {
    name: 'vCPU indexes: once each, below KVM_CAP_MAX_VCPUS, none after the GIC',
    run: (host, { must }) =>
      withVm(host, vm => {
        vm.addMemory(IPA, MEMORY)
        const first = vm.createVcpu(3)
        must('its index', first.index, 3)
        must(
          'again',
          thrown(() => vm.createVcpu(3)),
          'KERNEL_REFUSED',
        )
        must(
          'a million',
          thrown(() => vm.createVcpu(1_000_000)),
          'KERNEL_REFUSED',
        )
        must(
          'another',
          thrown(() => vm.createVcpu(0)),
          'nothing',
        )
        for (const vcpu of [first]) must('INIT', vcpu.init([4]), 0)
        must('GIC', vm.createGic('v3'), 0)
        must('GIC again', vm.createGic('v3'), 17)
        must(
          'a vCPU after it',
          thrown(() => vm.createVcpu(1)),
          'KERNEL_REFUSED',
        )
      }),
  },
  {
    name: 'memory: zeroed, live, writable from both sides only where it is',
    run: (host, { must }) =>
      withVm(host, vm => {
        const low = vm.addMemory(IPA, MEMORY)
        const high = vm.addMemory(IPA + 0x10_0000n, 2 * MEMORY)
        must('size', [low.length, high.length], [MEMORY, 2 * MEMORY])
        must('zero', low.some(byte => byte !== 0) || high.some(byte => byte !== 0), false)
        low.fill(1)
        high[0] = 2
        must('apart', [low[0], low.at(-1), high[0], high[1]], [1, 1, 2, 0])
      }),
  },
  {
    name: 'two VMs at once know nothing of each other',
    run: (host, { must }) =>
      withRig(host, setNamed('psci02'), a =>
        withRig(host, setNamed('psci01'), b => {
          must('PSCI version of one', set(a.vcpu(0), fw(0), 2n), 0)
          a.put(0, X(5), 0x55n)
          must('of the other', [b.get(0, fw(0)), b.get(0, X(5))], [1n, 0n])
          a.memory[0x8000] = 7
          must('memory', b.memory[0x8000], 0)
          must('first', [a.get(0, fw(0)), a.get(0, X(5)), a.get(1, X(5))], [2n, 0x55n, 0n])
        }),
      ),
  },
  {
    name: 'closing a VM leaves the others alone, and twice is once',
    run(host, { must }) {
      const a = new Rig(host.createVm(), setNamed('psci02'), {})
      const b = new Rig(host.createVm(), setNamed('psci02'), {})
      a.vm.close()
      a.vm.close()
      must('the other', get(b.vcpu(0), fw(0)), 0)
      b.vm.close()
      b.vm.close()
    },
  },
]

const openFiles = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)

/** What a cycle of the leak case does beside making and closing a VM, and how many there are. */
export interface LeakOptions {
  readonly cycles: number
  /** Guests run too. */
  readonly run: boolean
}
/** Resident memory may grow by this much over all cycles but the first fifth, in which the process finds its size. */
const MOST_GROWTH = 24 << 20

export const leakCases = ({ cycles, run }: LeakOptions): readonly ContractCase[] => [
  {
    name: `${cycles} VMs leave neither descriptors nor memory behind`,
    run(host, { must }) {
      const warm = Math.floor(cycles / 5)
      let files = 0
      let resident = 0
      for (let cycle = 0; cycle < cycles; cycle++) {
        if (cycle === warm) {
          files = openFiles()
          resident = process.memoryUsage.rss()
        }
        withRig(host, setNamed(cycle % 2 === 0 ? 'psci02' : 'vgic3'), rig => {
          const { ids } = rig.vcpu(0).regList()
          if (cycle % 10 === 0) for (const id of ids) rig.vcpu(0).getReg(id)
          if (!run) return
          rig.readyToRun()
          must(`cycle ${cycle} runs`, rig.call(0, 0, [0x8400_0000n]).errno, 0)
        })
      }
      must('descriptors', openFiles(), files)
      const growth = process.memoryUsage.rss() - resident
      must(`memory does not grow (by ${growth} bytes)`, growth < MOST_GROWTH, true)
    },
  },
  {
    name: 'VMs that could not be made leave no descriptor behind',
    run(host, { must }) {
      const files = openFiles()
      for (let cycle = 0; cycle < 50; cycle++) {
        must(
          'too many bits',
          thrown(() => host.createVm(255)),
          'KERNEL_REFUSED',
        )
        withVm(host, vm => {
          vm.addMemory(IPA, MEMORY)
          vm.createVcpu(0)
          must(
            'the same vCPU',
            thrown(() => vm.createVcpu(0)),
            'KERNEL_REFUSED',
          )
        })
      }
      must('descriptors', openFiles(), files)
    },
  },
]

/** Feature sets that this host has, by name. */
export const offeredSets: ContractCase = {
  name: 'feature sets that the host offers',
  run(host, { saw }) {
    for (const name of ['sve', 'pmu', 'pauth', 'aarch32', 'all', 'el2']) saw(name, offers(host, setNamed(name)))
  },
}
