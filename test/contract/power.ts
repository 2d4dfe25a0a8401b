// Owns the cases about what a VM has beside registers: mp_state, events, counters, the SMCCC filter.
import type { VcpuEvents } from '../../src/model/snapshot.ts'
import { type ContractCase, hex, type Report } from './contract.ts'
import { CAP, exitText, PC, PTIMER_CNT, type Rig, set, setNamed, sysreg, TIMER_CNT, withRig, X } from './rig.ts'

const EEXIST = 17
const NONE: VcpuEvents = { serrorPending: false, serrorHasEsr: false, serrorEsr: 0n, extDabtPending: false }
const eventText = ({ errno, events }: { readonly errno: number; readonly events: VcpuEvents }): string =>
  `${errno} ${Number(events.serrorPending)} ${Number(events.serrorHasEsr)} ${hex(events.serrorEsr)} ${Number(events.extDabtPending)}`
/** Counts a second on any host: the counter runs at 1 MHz to 1 GHz. */
const SOON = 1n << 36n

const WRITES: readonly (readonly [string, VcpuEvents])[] = [
  ['nothing', NONE],
  ['a syndrome without a pending SError', { ...NONE, serrorHasEsr: true, serrorEsr: 0x1ffn }],
  ['an SError', { ...NONE, serrorPending: true }],
  ['an SError with a syndrome', { ...NONE, serrorPending: true, serrorHasEsr: true, serrorEsr: 0x1f0_1234n }],
  ['a syndrome beyond the ISS', { ...NONE, serrorPending: true, serrorHasEsr: true, serrorEsr: 1n << 25n }],
  ['a syndrome beyond 32 bits', { ...NONE, serrorPending: true, serrorHasEsr: true, serrorEsr: 1n << 40n }],
]

export const powerCases: readonly ContractCase[] = [
  ...[false, true].map(capability => ({
    name: `mp_state ${capability ? 'with' : 'without'} KVM_CAP_ARM_SYSTEM_SUSPEND: every value`,
    run: (host: Parameters<ContractCase['run']>[0], { must, saw }: Report) =>
      withRig(host, setNamed('psci02'), rig => {
        must('vCPU 1 starts off', rig.modes(), '0 5')
        if (capability) saw('the capability', rig.vm.enableCapability(CAP.systemSuspend))
        for (let state = 0; state < 13; state++) {
          const errno = rig.vcpu(0).setMpState(state)
          saw(`state ${state}`, `${errno} ${rig.vcpu(0).getMpState()}`)
          if (errno === 0) must(`state ${state} is held`, rig.vcpu(0).getMpState(), state)
          must('runnable again', rig.vcpu(0).setMpState(0), 0)
        }
      }),
  })),
  ...WRITES.map(([what, events]) => ({
    name: `vCPU events: ${what} (api.rst, KVM_SET_VCPU_EVENTS)`,
    run: (host: Parameters<ContractCase['run']>[0], { saw }: Report) =>
      withRig(host, setNamed('psci02'), rig => {
        const vcpu = rig.vcpu(0)
        saw('at first', eventText(vcpu.getEvents()))
        saw('set', vcpu.setEvents(events))
        saw('then', eventText(vcpu.getEvents()))
        saw('nothing set', vcpu.setEvents(NONE))
        saw('then still', eventText(vcpu.getEvents()))
      }),
  })),
  {
    name: 'counters: a write moves the count, and goes on counting (facts §2: timers)',
    run: (host, { must, saw }) =>
      withRig(host, setNamed('psci02'), rig => {
        const near = (what: string, id: bigint, expected: bigint): void => {
          const distance = rig.get(0, id) - expected
          must(what, distance >= 0n && distance < SOON, true)
        }
        near('from 0', TIMER_CNT, 0n)
        must('TIMER_CNT', set(rig.vcpu(0), TIMER_CNT, 1n << 45n), 0)
        near('TIMER_CNT after', TIMER_CNT, 1n << 45n)
        saw('vCPU 1 moves too', rig.get(1, TIMER_CNT) >= 1n << 45n)
        saw('PTIMER_CNT', set(rig.vcpu(0), PTIMER_CNT, 1n << 46n))
        if (rig.vcpu(0).getReg(PTIMER_CNT).errno === 0) near('PTIMER_CNT after', PTIMER_CNT, 1n << 46n)
        // Swapped ids: TIMER_CVAL is encoded as CNTVCT.
        const compare = sysreg(3, 3, 14, 0, 2)
        must('TIMER_CVAL', [set(rig.vcpu(0), compare, 0x1_2345_6789n), rig.get(0, compare), rig.get(1, compare)], [0, 0x1_2345_6789n, 0n])
        const offset = rig.vm.setCounterOffset(0x1000n)
        saw('KVM_ARM_SET_COUNTER_OFFSET', offset)
        if (offset !== 0) return
        must('writes are taken', [set(rig.vcpu(0), TIMER_CNT, 1n << 50n), set(rig.vcpu(0), PTIMER_CNT, 1n << 50n)], [0, 0])
        for (const id of [TIMER_CNT, PTIMER_CNT]) must('and ignored', rig.get(0, id) >> 36n === 1n << 14n, false)
        must('another offset', rig.vm.setCounterOffset(0x2000n), 0)
      }),
  },
  {
    name: 'SMCCC filter: ranges that it takes (api.rst, KVM_ARM_VM_SMCCC_FILTER)',
    run: (host, { saw, must }) =>
      withRig(host, setNamed('psci02'), rig => {
        const has = rig.vm.hasSmcccFilter()
        saw('offered', has)
        const add = (base: number, count: number, action: number): number => rig.vm.setSmcccFilter({ base, count, action })
        saw('empty', add(0x8400_0000, 0, 1))
        saw('empty, everything', add(0, 0, 1))
        saw('over the end', add(0xffff_fff0, 0x20, 1))
        saw('to the end', add(0xffff_fff0, 0x10, 1))
        saw('no such action', add(0x8400_0000, 1, 3))
        saw('forward', add(0x8400_0000, 2, 2))
        saw('overlap', add(0x8400_0001, 4, 1))
        saw('beside it', add(0x8400_0002, 4, 1))
        saw('handle', add(0x8400_0050, 1, 0))
        saw('architecture calls', add(0x8000_0000, 1, 1))
        saw('64-bit architecture calls', add(0xbfff_ffff, 2, 1))
        if (has === 0) must('the same again', add(0x8400_0000, 2, 2), EEXIST)
        rig.readyToRun()
        must('the run', rig.call(0, 0x400, []).errno, 0)
        saw('after a run', add(0x8600_0000, 1, 1))
        saw('after a run, empty', add(0x8600_0000, 0, 1))
        saw('after a run, no such action', add(0x8600_0000, 1, 9))
      }),
  },
  {
    name: 'SMCCC filter: what the guest and the VMM see',
    run: (host, { saw, must }) =>
      withRig(host, setNamed('psci02'), rig => {
        const forwarded = rig.vm.setSmcccFilter({ base: 0x8400_0000, count: 1, action: 'forward' })
        const denied = rig.vm.setSmcccFilter({ base: 0x8400_0008, count: 1, action: 'deny' })
        saw('set', `${forwarded} ${denied}`)
        if (forwarded !== 0) return
        rig.readyToRun()
        for (const [conduit, offset] of [
          ['HVC', 0],
          ['SMC', 0x100],
        ] as const) {
          const exit = rig.call(0, offset, [0x8400_0000n, 1n, 2n, 3n])
          saw(`forwarded by ${conduit}`, `${exitText(exit)} ${rig.x(0)} ${hex(rig.get(0, PC))}`)
          rig.put(0, X(0), 0x77n)
          must('the answer of the VMM', rig.vcpu(0).run(1500).mmio?.data, 0x77n)
          must('denied', rig.call(0, offset, [0x8400_0008n]).mmio?.data, (1n << 64n) - 1n)
        }
      }),
  },
  {
    name: 'a suspended vCPU wakes for an interrupt only',
    run: (host, { must, saw }) =>
      withRig(host, setNamed('psci02'), rig => {
        saw('capability', rig.vm.enableCapability(CAP.systemSuspend))
        const errno = rig.vcpu(0).setMpState(10)
        saw('suspended', errno)
        if (errno !== 0) return
        rig.readyToRun()
        saw('run', exitText(rig.vcpu(0).run(60)))
        saw('mp_state', rig.vcpu(0).getMpState())
        must('runnable', rig.vcpu(0).setMpState(0), 0)
        must('runs', runs(rig), 0)
      }),
  },
]

const runs = (rig: Rig): number => rig.call(0, 0x400, []).errno
