// Owns the cases that only a real host has: signals, child processes, errors of the device. Linux on arm64, with busybox or coreutils.
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { PC_ID } from '../../src/arch/reg-id.ts'
import { kvmBackend } from '../../src/backends/kvm/backend.ts'
import { openKvmHost } from '../../src/backends/kvm/host.ts'
import type { AbiHost } from '../../src/backends/kvm-abi.ts'
import { setU64 } from '../../src/ops/one-register.ts'
import type { ContractCase } from './contract.ts'
import { IPA, MEMORY, PIECE, setNamed, withRig, X } from './rig.ts'

const code = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => 'nothing',
    (error: { readonly code?: string; readonly name: string }) => (typeof error.code === 'string' ? error.code : error.name),
  )
const WAIT = [0xd503_207f, 0x17ff_ffff]

/** A shell that sends this process a signal in a while. */
const signalLater = (signal: string, seconds: number): void => void spawn('sh', ['-c', `sleep ${seconds}; kill -${signal} ${process.pid}`], { stdio: 'ignore' })

/** A VM whose only vCPU waits for ever, as the comfortable form has it. */
async function waiting(host: AbiHost) {
  const vm = await kvmBackend(host).createVm({ gic: 'none', memory: [{ start: IPA, size: MEMORY }] })
  const vcpu = await vm.createVcpu(0)
  await vcpu.init(['psci_0_2'])
  await vm.finishSetup()
  await vm.writeMemory(IPA, new Uint8Array(Uint32Array.from(WAIT).buffer))
  await setU64(vcpu, PC_ID, IPA)
  return { vm, vcpu }
}

export const realCases: readonly ContractCase[] = [
  {
    name: 'Ctrl-C reaches the signal while KVM_RUN blocks',
    async run(host, { must }) {
      for (const all of [true, false]) {
        const { vm, vcpu } = await waiting(host)
        const abort = new AbortController()
        const onInterrupt = (): void => abort.abort()
        process.once('SIGINT', onInterrupt)
        signalLater('INT', 1)
        const started = performance.now()
        must('it ends', await code(all ? vm.runAll(30_000, abort.signal) : vcpu.run({ milliseconds: 30_000, signal: abort.signal })), 'AbortError')
        const took = performance.now() - started
        must(`soon (${Math.round(took)} ms)`, took < 6000, true)
        process.off('SIGINT', onInterrupt)
        await vm.close()
      }
    },
  },
  {
    name: 'a signal for somebody else does not cut a run short',
    async run(host, { must }) {
      const { vm, vcpu } = await waiting(host)
      let heard = 0
      const onSignal = (): void => void heard++
      process.on('SIGUSR2', onSignal)
      signalLater('USR2', 0.5)
      const started = performance.now()
      must('the run', (await vcpu.run({ milliseconds: 3000 })).kind, 'budget')
      must('its time', performance.now() - started >= 2999, true)
      must('the signal', heard, 1)
      process.off('SIGUSR2', onSignal)
      await vm.close()
    },
  },
  {
    name: 'the alarm is gone after a run: no handler, no timer, nothing in a child',
    run: (host, { must }) =>
      withRig(host, setNamed('psci02'), rig => {
        rig.setup(0)
        rig.call(0, PIECE.spin, [], 30)
        const child = spawnSync('sh', ['-c', 'ls -l /proc/self/fd; grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status; sleep 0.2; echo alive'], { encoding: 'utf8' })
        must('no descriptor of KVM', /kvm/.test(child.stdout), false)
        must('it was not interrupted', child.stdout.trim().endsWith('alive'), true)
        const status = spawnSync('sh', ['-c', `grep -E "^SigCgt" /proc/${process.pid}/status`], { encoding: 'utf8' }).stdout
        const caught = BigInt(`0x${/SigCgt:\s*(\w+)/.exec(status)?.[1] ?? '0'}`)
        must('SIGALRM is as before', (caught >> 13n) & 1n, 0n)
      }),
  },
  {
    name: 'a handler of somebody else for SIGALRM is back after a run',
    async run(host, { must }) {
      let heard = 0
      const onAlarm = (): void => void heard++
      process.on('SIGALRM', onAlarm)
      withRig(host, setNamed('psci02'), rig => {
        rig.setup(0)
        rig.call(0, PIECE.spin, [], 60)
      })
      must('it heard nothing of ours', heard, 0)
      process.kill(process.pid, 'SIGALRM')
      await new Promise(resolve => setTimeout(resolve, 200))
      must('and hears its own', heard, 1)
      process.off('SIGALRM', onAlarm)
    },
  },
  {
    name: 'a second host in one process, and the first goes on without it',
    async run(host, { must }) {
      const other = await openKvmHost()
      withRig(host, setNamed('psci02'), a =>
        withRig(other, setNamed('psci02'), b => {
          for (const rig of [a, b]) {
            rig.setup(0)
            must('it runs', rig.call(0, 0x400, [3n]).mmio?.data, 3n)
          }
          other.close()
          must('its VMs are closed with it', [b.vcpu(0).run(50).errno, b.vcpu(0).completeExit()], [9, 9])
          must('the first', a.call(0, PIECE.spin, [], 30).errno, 4)
        }),
      )
      other.close()
      must('nothing more is made', await code((async () => other.createVm())()), 'KERNEL_REFUSED')
      withRig(host, setNamed('psci02'), rig => must('X0', rig.put(0, X(0), 1n), 0))
    },
  },
  {
    name: 'what is no KVM says so',
    async run(_, { must }) {
      must('absent', await code(openKvmHost('/dev/no-such-kvm')), 'BACKEND_ABSENT')
      must('another device', await code(openKvmHost('/dev/null')), 'BACKEND_ABSENT')
      writeFileSync('/tmp/contract-file', '')
      must('a file', await code(openKvmHost('/tmp/contract-file')), 'BACKEND_ABSENT')
    },
  },
  {
    name: 'guests of many gigabytes cost what they touch',
    async run(host, { must }) {
      const size = 6 * 2 ** 30
      const before = process.memoryUsage.rss()
      const vm = await kvmBackend(host).createVm({ gic: 'none', memory: [{ start: IPA, size }] })
      const across = IPA + BigInt(2 ** 30) - 4n
      await vm.writeMemory(across, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
      must('across two pieces', [...(await vm.readMemory(across, 8))], [1, 2, 3, 4, 5, 6, 7, 8])
      await vm.writeMemory(IPA + BigInt(size) - 1n, Uint8Array.of(9))
      const regions = vm.memory()
      must(
        'one region',
        regions.map(({ size: bytes }) => bytes),
        [size],
      )
      must('little is touched', process.memoryUsage.rss() - before < 64 << 20, true)
      await vm.close()
      must('nothing is read after close', await code((async () => [...(regions[0]!.chunks() as Iterable<unknown>)])()), 'USAGE')
    },
  },
  {
    name: 'memory above 40 bits of address, where the host has them',
    async run(host, { must }) {
      const bits = host.checkExtension(165)
      const memory = [{ start: 1n << 41n, size: MEMORY }]
      must(
        `host of ${bits} bits`,
        await code((async () => await (await kvmBackend(host).createVm({ gic: 'none', memory })).close())()),
        bits >= 42 ? 'nothing' : 'KERNEL_REFUSED',
      )
    },
  },
  {
    name: 'a GIC lies beside guest memory, wherever that is, and serves many vCPUs',
    async run(host, { must }) {
      for (const [vcpus, start] of [
        [1, 0x0800_0000n],
        [130, 0x4000_0000n],
        [8, 0x0a00_0000n],
      ] as const) {
        const vm = host.createVm()
        vm.addMemory(start, MEMORY)
        const made = Array.from({ length: vcpus }, (_, index) => vm.createVcpu(index))
        must(
          'INIT',
          made.map(vcpu => vcpu.init([4])).every(errno => errno === 0),
          true,
        )
        must(`${vcpus} vCPUs`, vm.createGic('v3'), 0)
        vm.close()
      }
    },
  },
]
