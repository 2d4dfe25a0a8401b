// Owns the cases about calls that are refused: INIT and what may not come before it, ids that are none, firmware values, fields of ID registers.
import { registerName } from '../../src/arch/catalogue/catalogue.ts'
import type { RegId } from '../../src/arch/reg-id.ts'
import type { AbiHost, AbiVcpu } from '../../src/backends/kvm-abi.ts'
import { type ContractCase, hex, type Report } from './contract.ts'
import { bitmap, core, fw, get, MPIDR, offers, PSTATE, type Rig, set, setNamed, sized, sysreg, VLS, withRig, X } from './rig.ts'

const ENOEXEC = 8
const PSCI_VALUES = [0n, 1n, 2n, 3n, 0x1_0000n, 0x1_0001n, 0x1_0002n, 0x1_0003n, 0x1_0004n, 0x2_0000n, (1n << 32n) | 2n, (1n << 64n) - 1n]
const WORKAROUND_VALUES = [0n, 1n, 2n, 3n, 4n, 0x10n, 0x11n, 0x12n, 0x13n, 0x20n, 1n << 32n]

const bare = (host: AbiHost, use: (rig: Rig) => void): void => withRig(host, setNamed('psci02'), use, { bare: true })
const base = (host: AbiHost, use: (rig: Rig) => void): void => withRig(host, setNamed('psci02'), use)

export const refusalCases: readonly ContractCase[] = [
  {
    name: 'before KVM_ARM_VCPU_INIT everything but mp_state is ENOEXEC (api.rst)',
    run: (host, { must, saw }) =>
      bare(host, rig => {
        const a = rig.vcpu(0)
        for (const [what, id] of Object.entries({ psci: fw(0), x0: X(0), bitmap: bitmap(0), midr: sysreg(3, 0, 0, 0, 0) }))
          must(what, [get(a, id), set(a, id)], [ENOEXEC, ENOEXEC])
        must('list', a.regList().errno, ENOEXEC)
        must('list without room', a.regList(0).errno, ENOEXEC)
        must('run', a.run(100).errno, ENOEXEC)
        must('finalize', a.finalize(4), ENOEXEC)
        saw('mp_state', a.getMpState())
        saw('mp_state 3', a.setMpState(3))
      }),
  },
  {
    name: 'targets that INIT takes',
    run(host, { saw }) {
      for (const target of [0, 1, 2, 3, 4, 5, 6, 0xffff_ffff]) bare(host, rig => saw(`target ${target}`, rig.vcpu(0).init([4], target)))
    },
  },
  {
    name: 'feature bits that INIT takes, one by one',
    run(host, { saw }) {
      for (let bit = 0; bit < 32; bit++) bare(host, rig => saw(`bit ${bit}`, rig.vcpu(0).init([(4 | (1 << bit)) >>> 0])))
      bare(host, rig => saw('a bit of word 1', rig.vcpu(0).init([4, 1])))
      for (const features of [0, 1, 0x20, 0x40, 0x64, 0x7e]) bare(host, rig => saw(`features ${features}`, rig.vcpu(0).init([features])))
    },
  },
  {
    name: 'INIT again: the same, other features, other target, POWER_OFF, the other vCPU',
    run: (host, { must, saw }) =>
      bare(host, rig => {
        const [a, b] = [rig.vcpu(0), rig.vcpu(1)]
        must('first', a.init([4]), 0)
        must('same', a.init([4]), 0)
        saw('other target', a.init([4], 0))
        saw('fewer features', a.init([0]))
        saw('more features', a.init([4 | 8]))
        saw('POWER_OFF', a.init([4 | 1]))
        saw('mp_state after it', a.getMpState())
        must('without again', a.init([4]), 0)
        must('mp_state after that', a.getMpState(), 0)
        saw('vCPU 1 without PSCI 0.2', b.init([0]))
        saw('vCPU 1 then with it', b.init([4]))
      }),
  },
  {
    name: "INIT again resets registers, not what is the VM's (facts §6)",
    run: (host, { must, saw }) =>
      base(host, rig => {
        const a = rig.vcpu(0)
        rig.put(0, X(3), 0x33n)
        rig.put(0, sysreg(3, 0, 13, 0, 4), 0x77n)
        must('PSCI version', set(a, fw(0), 2n), 0)
        saw('MPIDR', set(a, MPIDR, 0x8000_0005n))
        must('again', a.init([4]), 0)
        must('X3 and the PSCI version', [rig.get(0, X(3)), rig.get(0, fw(0))], [0n, 2n])
        saw('TPIDR_EL1', hex(rig.get(0, sysreg(3, 0, 13, 0, 4))))
        saw('MPIDR after', hex(rig.get(0, MPIDR)))
      }),
  },
  {
    name: 'SVE: before and after FINALIZE',
    run(host, { must, saw }) {
      const sve = setNamed('sve')
      if (!offers(host, sve)) return
      withRig(
        host,
        sve,
        rig => {
          const v = rig.vcpu(0)
          const z0 = 0x6080_0000_0015_0000n
          must('INIT', v.init([sve.features]), 0)
          const { bytes } = v.getReg(VLS)
          must('list, run', [v.regList().errno, v.run(100).errno], [1, 1])
          for (const [what, id] of Object.entries({
            z0,
            v0: sized(core(0x150), 4),
            psci: fw(0),
            pfr0: sysreg(3, 0, 0, 4, 0),
            zcr: sysreg(3, 0, 1, 2, 0),
            x0: X(0),
          }))
            saw(`${what} before`, `${get(v, id)} ${set(v, id, id === fw(0) ? 2n : 0n)}`)
          for (const lengths of [0n, 1n, 3n, (1n << 64n) - 1n]) saw(`lengths ${lengths}`, set(v, VLS, lengths))
          must('its own lengths', v.setReg(VLS, bytes), 0)
          saw('FINALIZE of something else', v.finalize(5))
          must('FINALIZE', v.finalize(4), 0)
          saw('FINALIZE again', v.finalize(4))
          must('lengths are fixed', v.setReg(VLS, bytes), 1)
          for (const [what, id] of Object.entries({ z0, slice1: z0 | 1n, v0: sized(core(0x150), 4), p0: 0x6050_0000_0015_0400n, ffr: 0x6050_0000_0015_0600n }))
            saw(`${what} after`, `${get(v, id)} ${set(v, id)}`)
          saw('INIT again', v.init([sve.features]))
          saw('z0 after that', get(v, z0))
        },
        { bare: true },
      )
      base(host, rig => saw('FINALIZE without SVE', rig.vcpu(0).finalize(4)))
    },
  },
  {
    name: 'ids that are none: sizes, classes, architectures, holes (guest.c, kvm_arm_get_reg)',
    run: (host, { saw }) =>
      base(host, rig => {
        const a = rig.vcpu(0)
        const both = (what: string, id: bigint): void => saw(what, `${get(a, id)} ${set(a, id)}`)
        for (let nibble = 0; nibble <= 8; nibble++)
          for (const [what, id] of Object.entries({
            psci: fw(0),
            x0: X(0),
            pfr0: sysreg(3, 0, 0, 4, 0),
            bitmap: bitmap(0),
            wa1: fw(1),
            fpsr: sized(core(0x350), 2),
          }))
            if (nibble !== Number((id >> 52n) & 15n)) both(`${what} of size ${nibble}`, sized(id, nibble))
        for (let n = 0; n < 8; n++) both(`firmware ${n}`, fw(n))
        for (let n = 0; n < 8; n++) both(`bitmap ${n}`, bitmap(n))
        both('firmware ffff', fw(0xffff))
        both('bitmap ffff', bitmap(0xffff))
        for (let coproc = 0; coproc < 0x20; coproc++)
          if (coproc < 0x10 || coproc > 0x16) both(`class ${hex(coproc)}`, 0x6030_0000_0000_0000n | (BigInt(coproc) << 16n))
        for (const arch of [0n, 0x20n, 0x40n, 0x80n]) both(`architecture ${hex(arch)}`, (fw(0) & 0x00ff_ffff_ffff_ffffn) | (arch << 56n))
        both('inside X0', core(4))
        both('past the core registers', core(0x360))
        both('V0 as 64 bits', core(0x150))
        both('FPSR as it is', sized(core(0x350), 2))
        both('a system register that nobody has', sysreg(3, 7, 15, 15, 7))
        both('PMCR without a PMU', sysreg(3, 3, 9, 12, 0))
        both('ZCR without SVE', sysreg(3, 0, 1, 2, 0))
        both('a key without pointer authentication', sysreg(3, 0, 2, 1, 0))
        both('SVE lengths without SVE', VLS)
        for (const index of [0, 1, 13, 14, 0xff, 0x100]) saw(`cache geometry ${index}`, get(a, 0x6020_0000_0011_0000n | BigInt(index)))
        saw('no address', `${a.getReg(fw(0), true).errno} ${a.setReg(fw(0), undefined)}`)
        saw('no address, no register', `${a.getReg(fw(0x77), true).errno} ${a.setReg(fw(0x77), undefined)}`)
        for (const mode of [0x3c0n, 0x3c4n, 0x3c5n, 0x3c9n, 0x3cdn, 0x1d0n, 0x1d3n, 0x1dan]) saw(`PSTATE ${hex(mode)}`, set(a, PSTATE, mode))
      }),
  },
  ...(['psci02', 'psci01'] as const).map(name => ({
    name: `${name}: PSCI versions, as one vCPU writes them and both see them (facts §2: VM-wide)`,
    run: (host: AbiHost, { must, saw }: Report) =>
      withRig(host, setNamed(name), rig => {
        for (const [index, other] of [
          [0, 1],
          [1, 0],
        ] as const)
          for (const value of PSCI_VALUES) {
            const errno = set(rig.vcpu(index), fw(0), value)
            saw(`${hex(value)} by vCPU ${index}`, `${errno} ${hex(rig.get(index, fw(0)))}`)
            must(`vCPU ${other} agrees`, rig.get(other, fw(0)), rig.get(index, fw(0)))
            if (errno === 0) must('it is what was written', rig.get(index, fw(0)), value)
          }
      }),
  })),
  {
    name: 'workaround levels are compared, never kept (facts §2)',
    run: (host, { must, saw }) =>
      base(host, rig => {
        for (const n of [1, 2, 3]) {
          const before = rig.get(0, fw(n))
          saw(`level ${n}`, hex(before))
          saw(`taken by ${n}`, WORKAROUND_VALUES.map(value => set(rig.vcpu(0), fw(n), value)).join(' '))
          must(`level ${n} after`, [rig.get(0, fw(n)), rig.get(1, fw(n))], [before, before])
        }
      }),
  },
  {
    name: 'firmware bitmaps: known bits until a vCPU has run, VM-wide (api.rst, KVM_REG_ARM_*_BMAP)',
    run: (host, { must, saw }) =>
      base(host, rig => {
        const values = [0n, ...Array.from({ length: 8 }, (_, bit) => 1n << BigInt(bit)), 3n, (1n << 63n) | 1n, (1n << 64n) - 1n]
        const try_ = (phase: string, n: number, index: number): void => {
          saw(
            `bitmap ${n} ${phase} by vCPU ${index}`,
            values.map(value => `${set(rig.vcpu(index), bitmap(n), value)}:${hex(rig.get(index, bitmap(n)))}`).join(' '),
          )
          must('the other vCPU agrees', rig.get(1 - index, bitmap(n)), rig.get(index, bitmap(n)))
        }
        for (let n = 0; n < 4; n++) {
          saw(`bitmap ${n}`, hex(rig.get(0, bitmap(n))))
          try_('before', n, 0)
        }
        rig.readyToRun()
        must('the run', rig.call(0, 0x400, []).errno, 0)
        for (let n = 0; n < 4; n++) for (const index of [0, 1]) try_('after a run', n, index)
        for (const value of PSCI_VALUES) saw(`PSCI ${hex(value)} after a run`, `${set(rig.vcpu(1), fw(0), value)} ${hex(rig.get(0, fw(0)))}`)
      }),
  },
  ...(['psci02', 'all'] as const).map(name => ({
    name: `${name}: every field of every ID register, one less and one more, seen by both vCPUs`,
    run(host: AbiHost, report: Report) {
      if (offers(host, setNamed(name))) withRig(host, setNamed(name), rig => idFields(rig, report))
    },
  })),
  {
    name: 'ID registers after a run: the same value or nothing',
    run: (host, { must, saw }) =>
      base(host, rig => {
        rig.readyToRun()
        must('the run', rig.call(0, 0x400, []).errno, 0)
        for (const id of idRegisters(rig.vcpu(0))) {
          const value = rig.get(0, id)
          must(`${registerName(id as RegId)} as it is`, set(rig.vcpu(0), id, value), 0)
          const lowered = lowest(value)
          if (lowered !== value) saw(registerName(id as RegId), set(rig.vcpu(0), id, lowered))
        }
      }),
  },
  {
    name: 'writable masks (KVM_ARM_GET_REG_WRITABLE_MASKS)',
    run: (host, { saw }) =>
      base(host, rig => {
        const { errno, masks } = rig.vm.writableMasks()
        saw('errno', errno)
        for (const [id, mask] of masks) saw(registerName(id as RegId), hex(mask))
      }),
  },
]

/** The lowest field that is not 0, one less. */
function lowest(value: bigint): bigint {
  for (let shift = 0n; shift < 64n; shift += 4n) if ((value >> shift) & 15n) return value - (1n << shift)
  return value
}

/** What userspace can read of op0 3, op1 0, 1 and 3, CRn 0. */
function idRegisters(vcpu: AbiVcpu): readonly bigint[] {
  const ids: bigint[] = []
  for (const op1 of [0, 1, 3])
    for (let crm = 0; crm < 8; crm++)
      for (let op2 = 0; op2 < 8; op2++) {
        const id = sysreg(3, op1, 0, crm, op2)
        if (id !== MPIDR && get(vcpu, id) === 0) ids.push(id)
      }
  return ids
}

function idFields(rig: Rig, { must, saw }: Report): void {
  const a = rig.vcpu(0)
  for (const id of idRegisters(a)) {
    const value = rig.get(0, id)
    const tried: string[] = []
    for (let shift = 0n; shift < 64n; shift += 4n) {
      const field = (value >> shift) & 15n
      for (const [possible, changed] of [
        [field > 0n, value - (1n << shift)],
        [field < 15n, value + (1n << shift)],
      ] as const) {
        if (!possible) {
          tried.push('-')
          continue
        }
        const errno = set(a, id, changed)
        tried.push(String(errno))
        if (errno !== 0) continue
        // What is accepted may still be ignored; but both vCPUs see the same.
        const seen = rig.get(0, id)
        if (seen !== changed) tried.push(`(${hex(seen)})`)
        // CLIDR_EL1 is the vCPU's own; the others are the VM's.
        if (rig.get(1, id) !== seen) tried.push(`vCPU 1 ${hex(rig.get(1, id))}`)
        must(`${registerName(id as RegId)} back`, set(a, id, value), 0)
      }
    }
    saw(registerName(id as RegId), tried.join(' '))
  }
}
