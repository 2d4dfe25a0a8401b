// Owns the cases in which a guest runs: loads and stores that the VMM answers, hypercalls, power events, runs that end in time.
import type { AbiHost } from '../../src/backends/kvm-abi.ts'
import { GUEST } from '../../src/ops/probe/guest-words.ts'
import { type ContractCase, hex, type Report } from './contract.ts'
import { CAP, exitText, fw, IPA, MMIO, MPIDR, offers, PC, PIECE, PSTATE, type Rig, set, setNamed, sysreg, withRig, X } from './rig.ts'

const EINTR = 4
const PSCI_FEATURES = 0x8400_000an
/** Calls whose answers are the host's clock or dice. */
const CALLS: readonly bigint[] = [
  ...Array.from({ length: 0x18 }, (_, n) => 0x8400_0000n + BigInt(n)).filter(id => ![1n, 2n, 8n, 9n, 14n, 18n, 21n].includes(id & 0xffn)),
  0xc400_0003n,
  0xc400_0004n,
  0xc400_0005n,
  0xc400_0013n,
  0x8400_0050n,
  0x8400_0051n,
  0x8400_0052n,
  0x8000_0000n,
  0x8000_0002n,
  0x8000_8000n,
  0x8000_7fffn,
  0x8000_3fffn,
  0xc500_0020n,
  0xc500_0021n,
  0x8600_ff01n,
  0x8600_0000n,
  0x8600_0040n,
  0x8600_0041n,
  0xc600_0002n,
  0x1_8400_0000n,
  0n,
  0xffff_ffffn,
  0x95c1_ba61n,
]
const ASKED_ABOUT = [
  ...Array.from({ length: 0x18 }, (_, n) => 0x8400_0000n + BigInt(n)),
  0xc400_0001n,
  0xc400_0003n,
  0xc400_0004n,
  0xc400_000en,
  0xc400_0012n,
  0xc400_0015n,
  0x8000_0000n,
]
const LEVELS = [0x8000_8000n, 0x8000_7fffn, 0x8000_3fffn, 0xc500_0020n, 0x8000_0000n, 0x8000_0001n]
const AFFINITY = 0xff_00ff_ffffn

const guest = (host: AbiHost, name: string, use: (rig: Rig) => void, prepare?: (vm: Rig['vm']) => void): void => {
  if (!offers(host, setNamed(name))) return
  withRig(
    host,
    setNamed(name),
    rig => {
      rig.readyToRun()
      use(rig)
    },
    prepare ? { prepare } : {},
  )
}
const registers = (rig: Rig, index: number): string => `${rig.x(index)} pc ${hex(rig.get(index, PC))} pstate ${hex(rig.get(index, PSTATE))}`

export const guestCases: readonly ContractCase[] = [
  {
    name: 'stores leave with the bytes that were stored (api.rst, KVM_EXIT_MMIO)',
    run: (host, { must }) =>
      guest(host, 'psci02', rig => {
        const value = 0x1122_3344_5566_7788n
        for (const [offset, size, data] of [
          [GUEST.store, 8, value],
          [PIECE.store4, 4, 0x5566_7788n],
          [PIECE.store1, 1, 0x88n],
        ] as const)
          must(`${size} bytes`, rig.call(0, offset, [value]).mmio, { address: MMIO, size, write: true, data })
      }),
  },
  {
    name: 'loads take the answer, cut and extended as the instruction says; 0 when nobody answers',
    run: (host, { must, saw }) =>
      guest(host, 'psci02', rig => {
        const answer = 0x8182_8384_8586_8788n
        for (const [offset, size, loaded] of [
          [PIECE.load8, 8, answer],
          [PIECE.load4, 4, 0x8586_8788n],
          [PIECE.load2, 2, 0x8788n],
          [PIECE.load1, 1, 0x88n],
        ] as const) {
          must(`${size} bytes asked`, rig.call(0, offset, [0x55n]).mmio, { address: MMIO, size, write: false, data: 0n })
          rig.vcpu(0).answerMmio(answer)
          must(`${size} bytes loaded`, rig.vcpu(0).run(1500).mmio?.data, loaded)
        }
        rig.call(0, PIECE.loadSigned, [0x55n])
        rig.vcpu(0).answerMmio(answer)
        saw('1 byte with its sign', hex(rig.vcpu(0).run(1500).mmio?.data ?? 0n))
        must('asked', rig.call(0, PIECE.load8, [0x55n]).mmio?.write, false)
        must('not answered', rig.vcpu(0).run(1500).mmio?.data, 0n)
      }),
  },
  {
    name: 'an access is complete in the registers once it is completed, without running on (api.rst, immediate_exit)',
    run: (host, { must }) =>
      guest(host, 'psci02', rig => {
        const vcpu = rig.vcpu(0)
        const at = IPA + BigInt(PIECE.load8)
        must('the load', rig.call(0, PIECE.load8, [0x55n]).mmio?.write, false)
        must('before', [rig.get(0, PC), rig.get(0, X(0))], [at + 4n, 0x55n])
        vcpu.answerMmio(0x99n)
        must('complete', vcpu.completeExit(), 0)
        must('after', [rig.get(0, PC), rig.get(0, X(0))], [at + 8n, 0x99n])
        must('again', [vcpu.completeExit(), rig.get(0, PC), rig.get(0, X(0))], [0, at + 8n, 0x99n])
        must('it goes on from there', vcpu.run(1500).mmio?.data, 0x99n)
        must('a store', [vcpu.completeExit(), rig.get(0, PC)], [0, at + 12n])
      }),
  },
  {
    name: 'memory is the same for guest and VMM',
    run: (host, { must }) =>
      guest(host, 'psci02', rig => {
        const view = new DataView(rig.memory.buffer, rig.memory.byteOffset)
        for (const value of [41n, 0xffff_ffff_ffff_fffen]) {
          view.setBigUint64(0x4000, value, true)
          must('the guest reads it', rig.call(0, PIECE.memory, [0n, IPA + 0x4000n]).mmio?.data, value + 1n)
          must('the VMM reads it', view.getBigUint64(0x4008, true), value + 1n)
        }
      }),
  },
  ...(['psci02', 'psci01', 'vgic3'] as const).flatMap(name =>
    (
      [
        ['HVC #0', GUEST.hvc0],
        ['SMC #0', GUEST.smc0],
        ['HVC #1', GUEST.hvc1],
        ['SMC #1', GUEST.smc1],
      ] as const
    ).map(([conduit, offset]) => ({
      name: `${name}: what calls answer by ${conduit}`,
      run: (host: AbiHost, { saw, must }: Report) =>
        guest(host, name, rig => {
          const ask = (what: string, x: readonly bigint[]): void => {
            const exit = rig.call(0, offset, x)
            saw(what, exit.mmio?.address === MMIO ? rig.x(0) : `${exitText(exit)} ${rig.x(0)}`)
            must('still on', rig.vcpu(0).getMpState(), 0)
          }
          for (const id of CALLS) ask(hex(id), [id, 0x4000_0001n, 2n, 3n])
          for (const id of ASKED_ABOUT) ask(`PSCI_FEATURES ${hex(id)}`, [PSCI_FEATURES, id])
          for (const id of LEVELS) ask(`ARCH_FEATURES ${hex(id)}`, [0x8000_0001n, id])
          for (const [target, level] of [
            [0n, 0n],
            [1n, 0n],
            [1n, 1n],
            [1n, 3n],
            [1n, 4n],
            [2n, 0n],
            [0x8000_0001n, 0n],
            [1n << 40n, 0n],
          ] as const)
            ask(`AFFINITY_INFO ${hex(target)} ${level}`, [0xc400_0004n, target, level])
        }),
    })),
  ),
  {
    name: 'each PSCI version that the host takes: what the guest is told',
    run: (host, { saw }) => {
      for (const version of [2n, 0x1_0000n, 0x1_0001n, 0x1_0002n, 0x1_0003n])
        guest(host, 'psci02', rig => {
          const errno = set(rig.vcpu(1), fw(0), version)
          const answers = [[0x8400_0000n], ...ASKED_ABOUT.map(id => [PSCI_FEATURES, id])].map(x => hex(rig.call(0, 0, x).mmio?.data ?? 0n))
          saw(hex(version), `${errno}: ${answers.join(' ')}`)
          // After the first run too: no release has ever minded.
          const later = set(rig.vcpu(0), fw(0), 2n)
          saw(`${hex(version)}, then 0.2`, `${later} ${hex(rig.call(0, 0, [0x8400_0000n]).mmio?.data ?? 0n)}`)
        })
    },
  },
  {
    name: 'firmware bitmaps decide which services answer',
    run(host, { saw }) {
      const asked = [0x8400_0050n, 0x8600_ff01n, 0x8600_0000n, 0xc500_0020n]
      for (let n = 0; n < 4; n++)
        for (const value of [0n, 1n, 2n, 3n])
          guest(host, 'psci02', rig => {
            const errno = set(rig.vcpu(0), fw(0) + 0x2_0000n + BigInt(n), value)
            saw(`bitmap ${n} = ${value}`, `${errno}: ${asked.map(id => `${exitText(rig.call(0, 0, [id, 0xc500_0020n]))} ${rig.x(0)}`).join(' | ')}`)
          })
    },
  },
  ...(
    [
      ['CPU_ON 64', 0xc400_0003n],
      ['CPU_ON 32', 0x8400_0003n],
    ] as const
  ).map(([what, id]) => ({
    name: `${what}: the other vCPU starts where it is told, once`,
    run: (host: AbiHost, { saw, must }: Report) =>
      guest(host, 'psci02', rig => {
        const [a, b] = [rig.vcpu(0), rig.vcpu(1)]
        const target = rig.get(1, MPIDR) & AFFINITY
        const entry = IPA + BigInt(GUEST.secondary)
        rig.put(1, X(5), 0x5555n)
        must('off at first', rig.modes(), '0 5')
        must('CPU_ON', rig.call(0, 0, [id, target, entry, 0x1122_3344_5566_7788n]).mmio?.data, 0n)
        must('on', rig.modes(), '0 0')
        saw('again', hex(rig.call(0, 0, [id, target, entry, 1n]).mmio?.data ?? 0n))
        saw('itself', hex(rig.call(0, 0, [id, rig.get(0, MPIDR) & AFFINITY, entry, 1n]).mmio?.data ?? 0n))
        saw('nobody', hex(rig.call(0, 0, [id, 77n, entry, 1n]).mmio?.data ?? 0n))
        saw('before it runs', `${registers(rig, 1)} x5 ${hex(rig.get(1, X(5)))} tpidr ${hex(rig.get(1, sysreg(3, 0, 13, 0, 4)))}`)
        const first = b.run(1500)
        must('its first store', first.mmio, { address: MMIO + 0x100n, size: 8, write: true, data: id === 0xc400_0003n ? 0x1122_3344_5566_7788n : 0x5566_7788n })
        rig.put(1, X(0), 0x8400_0002n)
        must('CPU_OFF blocks', b.run(80).errno, EINTR)
        must('off', rig.modes(), '0 5')
        saw('affinity', hex(rig.call(0, 0, [0xc400_0004n, target]).mmio?.data ?? 0n))
        must('on again', rig.call(0, 0, [id, target, entry, 0x99n]).mmio?.data, 0n)
        must('its second start', b.run(1500).mmio?.data, 0x99n)
        must('vCPU 0 goes on', a.run(1500).mmio?.write, true)
      }),
  })),
  {
    name: 'runs end in time: a vCPU that is off, one that waits, one that spins (EINTR)',
    run: (host, { must }) =>
      guest(host, 'psci02', rig => {
        const timed = (what: string, run: () => { readonly errno: number }): void => {
          const started = performance.now()
          must(what, run().errno, EINTR)
          const took = performance.now() - started
          must(`${what}: not for seconds (${Math.round(took)} ms)`, took < 2000, true)
        }
        timed('off', () => rig.vcpu(1).run(60))
        timed('spinning', () => rig.call(0, PIECE.spin, [], 60))
        must('where it spins', rig.get(0, PC), IPA + BigInt(PIECE.spin) + 4n)
        timed('spinning on', () => rig.vcpu(0).run(0.4))
        timed('spinning for just under a second and a bit', () => rig.vcpu(0).run(999.9996))
        timed('waiting', () => rig.call(0, PIECE.wait, [], 60))
        must('it can still be used', rig.call(0, GUEST.store, [7n]).mmio?.data, 7n)
      }),
  },
  ...systemEvents(),
]

interface EventRow {
  readonly what: string
  readonly x: readonly bigint[]
  readonly suspend?: boolean
  readonly version?: bigint
}

function systemEvents(): readonly ContractCase[] {
  const RESET2 = [0n, 1n, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n]
  const OFF2 = [0n, 1n, 2n, 0x1_0000_0001n]
  const rows: readonly EventRow[] = [
    { what: 'SYSTEM_OFF', x: [0x8400_0008n, 1n, 2n, 3n] },
    { what: 'SYSTEM_RESET', x: [0x8400_0009n, 1n, 2n, 3n] },
    { what: 'SYSTEM_OFF of PSCI 0.2', x: [0x8400_0008n], version: 2n },
    ...RESET2.flatMap(type =>
      [0x8400_0012n, 0xc400_0012n].map(id => ({ what: `SYSTEM_RESET2 ${hex(id)} ${hex(type)}`, x: [id, type, 0x1234_5678_9abc_def0n] })),
    ),
    ...OFF2.flatMap(type => [0x8400_0015n, 0xc400_0015n].map(id => ({ what: `SYSTEM_OFF2 ${hex(id)} ${hex(type)}`, x: [id, type, 0n] }))),
    { what: 'SYSTEM_OFF2 with a cookie', x: [0xc400_0015n, 1n, 5n] },
    { what: 'SYSTEM_OFF2 of PSCI 1.1', x: [0xc400_0015n, 1n, 0n], version: 0x1_0001n },
    ...[false, true].flatMap(suspend =>
      [0x8400_000en, 0xc400_000en].map(id => ({
        what: `SYSTEM_SUSPEND ${hex(id)} ${suspend ? 'with' : 'without'} the capability`,
        x: [id, IPA + 0x300n, 0x77n],
        suspend,
      })),
    ),
    { what: 'SYSTEM_SUSPEND of PSCI 0.2', x: [0xc400_000en, IPA, 0n], suspend: true, version: 2n },
    { what: 'CPU_SUSPEND', x: [0xc400_0001n, 0n, IPA + 0x300n, 0x44n] },
    { what: 'CPU_OFF of the only vCPU', x: [0x8400_0002n] },
  ]
  return rows.map(({ what, x, suspend, version }) => ({
    name: `${what}: event, registers, states, and the next runs`,
    run: (host, { saw, must }) =>
      guest(
        host,
        'psci02',
        rig => {
          if (version !== undefined) saw('version', set(rig.vcpu(0), fw(0), version))
          const exit = rig.call(0, 0, x, 120)
          saw('exit', `${exitText(exit)}, ${registers(rig, 0)}, mp ${rig.modes()}`)
          if (exit.systemEvent) must('type', [1, 2, 5].includes(exit.systemEvent.type), true)
          if (exit.mmio) return
          const again = rig.vcpu(0).run(80)
          saw('run again', `${exitText(again)}, mp ${rig.modes()}`)
          must('runnable', rig.vcpu(0).setMpState(0), 0)
          if (again.mmio) return
          saw('runnable', `${exitText(rig.vcpu(0).run(120))}, ${registers(rig, 0)}`)
        },
        suspend ? vm => void vm.enableCapability(CAP.systemSuspend) : undefined,
      ),
  }))
}
