// MRS, MSR, MSR (immediate), SYS: storage, the engine's own registers, hooks, permission, and what stops the run.
import { describe, expect, test } from 'vitest'
import { encodingOf, SYSREG } from '../../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE } from '../../../src/emulator/state-layout.ts'
import { type BareMachine, type BareOptions, bareMachine, CODE, EL1H, HVC, mrs, msr, TEST_SYSREGS, VECTORS, word } from './bare-machine.ts'

const MAIR_EL1 = encodingOf(3, 0, 10, 2, 0)
const CNTVCT_EL0 = encodingOf(3, 3, 14, 0, 2)
const CNTFRQ_EL0 = encodingOf(3, 3, 14, 0, 0)
const PMCCNTR_EL0 = encodingOf(3, 3, 9, 13, 0)
const sys = (op1: number, crn: number, crm: number, op2: number, rt = 31): number => word('SYS', { o: op1, k: crn, j: crm, x: op2, t: rt })

interface Outcome {
  readonly machine: BareMachine
  readonly x1: bigint
  /** Exception class, or undefined when none was taken. */
  readonly ec: number | undefined
}

/** Runs the words with X1 = 0xabcd…, from EL1h or EL0; vectors end the run. */
function execute(words: readonly number[], options: BareOptions & { readonly el?: 0 | 1; readonly prepare?: (machine: BareMachine) => void } = {}): Outcome {
  const machine = bareMachine(options)
  const [vcpu] = machine.vcpus
  machine.code(CODE, [...words, options.el === 0 ? word('SVC') : HVC])
  for (const vector of [0x200n, 0x400n]) machine.code(VECTORS + vector, [HVC])
  vcpu.setX(1, 0xabcd_ef01_2345_6789n)
  vcpu.set('pstate', BigInt(options.el === 0 ? 0x3c0 : EL1H))
  options.prepare?.(machine)
  vcpu.run()
  const ended = vcpu.get('pc') < VECTORS || (options.el === 0 && vcpu.sysreg(SYSREG.ESR_EL1) >> 26n === 0x15n)
  return { machine, x1: vcpu.x(1), ec: ended ? undefined : Number(vcpu.sysreg(SYSREG.ESR_EL1) >> 26n) }
}

const UNDEFINED = 0
const TRAPPED = 0x18

describe('storage', () => {
  test('a register of the map keeps what MSR wrote', () => {
    const { machine, x1 } = execute([msr(MAIR_EL1, 1), word('MOVZ', { s: 1, d: 1 }), mrs(1, MAIR_EL1)])
    expect(x1).toBe(0xabcd_ef01_2345_6789n)
    expect(machine.vcpus[0].sysreg(MAIR_EL1)).toBe(x1)
  })

  test('a write mask keeps the other bits; a read-only register is UNDEFINED to write', () => {
    const sysregs = new Map(TEST_SYSREGS)
    sysregs.set(MAIR_EL1, { slot: 20, writeMask: 0xffffn })
    const masked = execute([msr(MAIR_EL1, 1)], { sysregs, prepare: ({ vcpus: [vcpu] }) => vcpu.setSysreg(MAIR_EL1, 0x1234_0000_0000_0000n) })
    expect(masked.machine.vcpus[0].sysreg(MAIR_EL1)).toBe(0x1234_0000_0000_6789n)
    sysregs.set(MAIR_EL1, { slot: 20, readOnly: true })
    expect(execute([msr(MAIR_EL1, 1)], { sysregs }).ec).toBe(UNDEFINED)
    expect(execute([mrs(1, MAIR_EL1)], { sysregs }).ec).toBe(undefined)
  })

  test('VBAR_EL1 has eleven reserved bits', () => {
    const { machine } = execute([msr(SYSREG.VBAR_EL1, 1)])
    expect(machine.vcpus[0].sysreg(SYSREG.VBAR_EL1)).toBe(0xabcd_ef01_2345_6000n)
  })

  test('MSR of XZR writes zero, MRS to XZR changes nothing', () => {
    const { machine } = execute([msr(MAIR_EL1, 1), mrs(31, MAIR_EL1), msr(MAIR_EL1, 31)])
    expect(machine.vcpus[0].sysreg(MAIR_EL1)).toBe(0n)
  })
})

describe("the engine's own registers", () => {
  test('ELR_EL1, SPSR_EL1 and SP_EL0 are core registers of the block', () => {
    const { machine } = execute([msr(SYSREG.ELR_EL1, 1), msr(SYSREG.SPSR_EL1, 1), msr(SYSREG.SP_EL0, 1)])
    const [vcpu] = machine.vcpus
    expect([vcpu.get('elrEl1'), vcpu.get('spsrEl1'), vcpu.get('spEl0')]).toEqual(Array(3).fill(0xabcd_ef01_2345_6789n))
  })

  test('SP_EL0 has no name of its own while it is the stack pointer in use', () => {
    expect(execute([word('MSR_imm', { x: 5, i: 0 }), mrs(1, SYSREG.SP_EL0)], { prepare: machine => machine.code(VECTORS, [HVC]) }).ec).toBe(UNDEFINED)
  })

  test('SPSel changes which stack pointer register 31 is, both ways', () => {
    const addSp = (i: number): number => word('ADD_imm', { s: 1, d: 31, n: 31, i })
    const { machine } = execute([word('MSR_imm', { x: 5, i: 0 }), addSp(16), word('MSR_imm', { x: 5, i: 1 }), addSp(32), mrs(1, SYSREG.SPSel)], {
      prepare: ({ vcpus: [vcpu] }) => {
        vcpu.set('spEl0', 0x1000n)
        vcpu.set('spEl1', 0x2000n)
      },
    })
    const [vcpu] = machine.vcpus
    expect([vcpu.get('spEl0'), vcpu.get('spEl1'), vcpu.x(1)]).toEqual([0x1010n, 0x2020n, 1n])
  })

  test('NZCV both ways, and from flags that were set lazily', () => {
    const subs = word('SUBS_imm', { s: 1, d: 2, n: 3, i: 1 }) // 0 - 1
    expect(execute([subs, mrs(1, SYSREG.NZCV)]).x1).toBe(0x8000_0000n)
    expect(execute([msr(SYSREG.NZCV, 1), mrs(1, SYSREG.NZCV)]).x1).toBe(0x2000_0000n)
  })

  test('DAIF and its immediate forms; CurrentEL', () => {
    const daif = (words: readonly number[]) => execute([...words, mrs(1, SYSREG.DAIF)]).x1
    expect(daif([word('MSR_imm', { o: 3, x: 7, i: 2 })])).toBe(0x340n)
    expect(daif([word('MSR_imm', { o: 3, x: 7, i: 15 }), word('MSR_imm', { o: 3, x: 6, i: 8 })])).toBe(0x200n)
    expect(daif([msr(SYSREG.DAIF, 31)])).toBe(0n)
    expect(execute([mrs(1, SYSREG.CurrentEL)]).x1).toBe(4n)
    expect(execute([mrs(1, SYSREG.CurrentEL)], { el: 0 }).ec).toBe(UNDEFINED)
  })

  test('PAN, UAO, DIT and SSBS exist where the ID registers announce them', () => {
    const with_ = new Map([
      [encodingOf(3, 0, 0, 7, 1), 1n << 20n],
      [encodingOf(3, 0, 0, 7, 2), 1n << 4n],
      [encodingOf(3, 0, 0, 4, 0), 1n << 48n],
      [encodingOf(3, 0, 0, 4, 1), 2n << 4n],
    ])
    const fields = [
      [SYSREG.PAN, { o: 0, x: 4, i: 1 }, 1n << 22n],
      [SYSREG.UAO, { o: 0, x: 3, i: 1 }, 1n << 23n],
      [SYSREG.DIT, { o: 3, x: 2, i: 1 }, 1n << 24n],
      [SYSREG.SSBS, { o: 3, x: 1, i: 1 }, 1n << 12n],
    ] as const
    for (const [register, immediate, bit] of fields) {
      expect(execute([word('MSR_imm', immediate), mrs(1, register)], { idRegisters: with_ }).x1).toBe(bit)
      expect(execute([word('MSR_imm', immediate)]).ec).toBe(UNDEFINED)
      expect(execute([mrs(1, register)]).ec).toBe(UNDEFINED)
    }
  })

  test('FPCR and FPSR keep their defined bits, and trap where FP does', () => {
    const enable = ({ vcpus: [vcpu] }: BareMachine): void => vcpu.setSysreg(SYSREG.CPACR_EL1, 3n << 20n)
    const ones = word('MOVN', { s: 1, d: 1 })
    expect(execute([ones, msr(SYSREG.FPCR, 1), mrs(1, SYSREG.FPCR)], { prepare: enable }).x1).toBe(0x07c0_0000n)
    const { machine } = execute([ones, msr(SYSREG.FPSR, 1)], { prepare: enable })
    expect(new DataView(machine.engine.state(0).slice().buffer).getUint32(VCPU_STATE.fpsr, true)).toBe(0xf800_009f)
    expect(execute([mrs(1, SYSREG.FPCR)]).ec).toBe(0x07)
  })

  test('the V registers are nobody’s here: they survive', () => {
    const { machine } = execute([], { prepare: ({ engine }) => engine.state(0).fill(0x5a, VCPU_STATE.v, VCPU_STATE.fpsr) })
    expect(
      machine.engine
        .state(0)
        .subarray(VCPU_STATE.v, VCPU_STATE.fpsr)
        .every(byte => byte === 0x5a),
    ).toBe(true)
  })
})

describe('hooks', () => {
  test('answer what is not storage, and undefined means UNDEFINED', () => {
    const written: unknown[] = []
    const hooks = {
      readSysreg: (vcpu: number, encoding: number) => (encoding === CNTVCT_EL0 ? 0x1234n + BigInt(vcpu) : undefined),
      writeSysreg: (...call: readonly unknown[]) => written.push(call) > 0,
    }
    expect(execute([mrs(1, CNTVCT_EL0)], { hooks }).x1).toBe(0x1234n)
    expect(execute([mrs(1, CNTFRQ_EL0)], { hooks }).ec).toBe(UNDEFINED)
    execute([msr(0xdf19, 1)], { hooks })
    expect(written).toEqual([[0, 0xdf19, 0xabcd_ef01_2345_6789n, 0]])
  })

  test('are not asked for registers of EL2, and not by EL0 for registers of EL1', () => {
    const asked: number[] = []
    const hooks = { readSysreg: (_: number, encoding: number) => BigInt(asked.push(encoding)) }
    expect(execute([mrs(1, encodingOf(3, 4, 1, 1, 0))], { hooks }).ec).toBe(UNDEFINED)
    expect(execute([mrs(1, encodingOf(3, 0, 0, 0, 0))], { hooks, el: 0 }).ec).toBe(UNDEFINED)
    expect(asked).toEqual([])
  })
})

describe('EL0', () => {
  const hooks = { readSysreg: () => 5n, writeSysreg: () => true }
  const with_ = (register: number, value: bigint) => (machine: BareMachine) => {
    machine.vcpus[0].setSysreg(register, value)
    machine.vcpus[0].setX(1, CODE) // an address, for what takes one
  }

  test('has TPIDR_EL0, and reads TPIDRRO_EL0', () => {
    expect(execute([msr(SYSREG.TPIDR_EL0, 1), mrs(1, SYSREG.TPIDR_EL0)], { el: 0 }).x1).toBe(0xabcd_ef01_2345_6789n)
    expect(execute([mrs(1, SYSREG.TPIDRRO_EL0)], { el: 0 }).ec).toBe(undefined)
    expect(execute([msr(SYSREG.TPIDRRO_EL0, 1)], { el: 0 }).ec).toBe(UNDEFINED)
  })

  test.each([
    ['CTR_EL0', mrs(1, SYSREG.CTR_EL0), SYSREG.SCTLR_EL1, 1n << 15n],
    ['DAIF', mrs(1, SYSREG.DAIF), SYSREG.SCTLR_EL1, 1n << 9n],
    ['DAIFSet', word('MSR_imm', { o: 3, x: 6, i: 1 }), SYSREG.SCTLR_EL1, 1n << 9n],
    ['CNTVCT_EL0', mrs(1, CNTVCT_EL0), SYSREG.CNTKCTL_EL1, 2n],
    ['CNTFRQ_EL0', mrs(1, CNTFRQ_EL0), SYSREG.CNTKCTL_EL1, 1n],
    ['CNTV_CTL_EL0', msr(encodingOf(3, 3, 14, 3, 1), 1), SYSREG.CNTKCTL_EL1, 1n << 8n],
    ['CNTP_CVAL_EL0', mrs(1, encodingOf(3, 3, 14, 2, 2)), SYSREG.CNTKCTL_EL1, 1n << 9n],
    ['PMCCNTR_EL0', mrs(1, PMCCNTR_EL0), SYSREG.PMUSERENR_EL0, 4n],
    ['DC CIVAC', sys(3, 7, 14, 1, 1), SYSREG.SCTLR_EL1, 1n << 26n],
    ['IC IVAU', sys(3, 7, 5, 1, 1), SYSREG.SCTLR_EL1, 1n << 26n],
  ])('%s traps unless EL1 allows it', (_, instruction, register, enable) => {
    expect(execute([instruction], { el: 0, hooks, prepare: with_(register, 0n) }).ec).toBe(TRAPPED)
    expect(execute([instruction], { el: 0, hooks, prepare: with_(register, enable) }).ec).toBe(undefined)
    expect(execute([instruction], { el: 1, hooks, prepare: with_(register, 0n) }).ec).toBe(undefined)
  })

  test('the syndrome of a trapped MRS names register, Rt and direction', () => {
    const { machine } = execute([mrs(7, CNTVCT_EL0)], { el: 0, hooks })
    const iss = (3 << 20) | (2 << 17) | (3 << 14) | (14 << 10) | (7 << 5) | (0 << 1) | 1
    expect(machine.vcpus[0].sysreg(SYSREG.ESR_EL1)).toBe(BigInt((TRAPPED << 26) | (1 << 25) | iss))
  })
})

describe('system instructions', () => {
  test.each([
    ['IC IALLU', sys(0, 7, 5, 0)],
    ['DC CSW', sys(0, 7, 10, 2)],
    ['TLBI VMALLE1IS', sys(0, 8, 3, 0)],
    ['TLBI VAALE1', sys(0, 8, 7, 7)],
  ])('%s does nothing at EL1 and is UNDEFINED at EL0', (_, instruction) => {
    expect(execute([instruction]).ec).toBe(undefined)
    expect(execute([instruction], { el: 0 }).ec).toBe(UNDEFINED)
  })

  test.each([
    ['an unallocated operation', sys(0, 7, 3, 3)],
    ['TLBI of EL2', sys(4, 8, 7, 0)],
    ['TLBI RVAE1 without FEAT_TLBIRANGE', sys(0, 8, 6, 1)],
    ['DC CVAP without FEAT_DPB', sys(3, 7, 12, 1, 1)],
    ['SYSL', word('SYSL', { k: 11 })],
  ])('%s is UNDEFINED', (_, instruction) => {
    expect(execute([instruction]).ec).toBe(UNDEFINED)
  })

  test('AT with the MMU off gives the address itself', () => {
    const { machine } = execute([sys(0, 7, 8, 0, 1)], { prepare: ({ vcpus: [vcpu] }) => vcpu.setX(1, 0x4000_1234n) })
    expect(machine.vcpus[0].sysreg(SYSREG.PAR_EL1)).toBe(0x4000_1b00n)
  })

  test.each([
    [4, 64],
    [7, 512],
  ])('DC ZVA with DCZID_EL0.BS = %i zeroes %i bytes, at EL0 when SCTLR_EL1.DZE allows it', (block, length) => {
    const idRegisters = new Map([[SYSREG.DCZID_EL0, BigInt(block)]])
    const at = 0x4000_8000n
    for (const el of [0, 1] as const) {
      const { machine, ec } = execute([sys(3, 7, 4, 1, 1)], {
        el,
        idRegisters,
        prepare: ({ engine, vcpus: [vcpu] }) => {
          engine.writeRam(at, new Uint8Array(2048).fill(0xff))
          vcpu.setX(1, at + 1024n + 17n)
          vcpu.setSysreg(SYSREG.SCTLR_EL1, el === 0 ? 1n << 14n : 0n)
        },
      })
      expect(ec).toBe(undefined)
      const zeros = [...machine.engine.ram(at, 2048)].flatMap((byte, i) => (byte === 0 ? [i] : []))
      expect([zeros[0], zeros.length]).toEqual([1024, length])
    }
    expect(execute([sys(3, 7, 4, 1, 1)], { el: 0, idRegisters, prepare: ({ vcpus: [vcpu] }) => vcpu.setSysreg(SYSREG.SCTLR_EL1, 0n) }).ec).toBe(TRAPPED)
  })
})

describe('what this CPU cannot do stops the run', () => {
  test.each([['big-endian data', 1n << 25n, 'big-endian data (SCTLR_EL1.EE or E0E is set)']])('%s, at the MSR and when such a state is run', (_, bit, what) => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(CODE, [msr(SYSREG.SCTLR_EL1, 1)])
    vcpu.setX(1, bit)
    expect(machine.engine.run(0, 10)).toEqual({ executed: 1, stop: { kind: 'cannot-execute', what } })
    expect(vcpu.get('pc')).toBe(CODE)
    vcpu.setSysreg(SYSREG.SCTLR_EL1, bit)
    expect(machine.engine.run(0, 10)).toEqual({ executed: 0, stop: { kind: 'cannot-execute', what } })
  })

  test.each([
    ['AArch32', 0x10],
    ['mode 0x9 (only EL0 and EL1)', 0x3c9],
  ])('%s', (what, pstate) => {
    const machine = bareMachine()
    machine.vcpus[0].set('pstate', BigInt(pstate))
    expect(machine.engine.run(0, 10)).toEqual({ executed: 0, stop: { kind: 'cannot-execute', what } })
  })

  test('pointer authentication that is enabled; disabled it is a NOP', () => {
    const idRegisters = new Map([[encodingOf(3, 0, 0, 6, 1), 1n << 4n]])
    const paciasp = 0xd503233f
    expect(execute([paciasp], { idRegisters }).ec).toBe(undefined)
    const machine = bareMachine({ idRegisters })
    const [vcpu] = machine.vcpus
    machine.code(CODE, [paciasp])
    vcpu.setSysreg(SYSREG.SCTLR_EL1, 1n << 31n)
    expect(vcpu.run()).toEqual({ kind: 'unimplemented', feature: 'FEAT_PAuth', word: paciasp, pc: CODE })
  })

  test('a memory copy where FEAT_MOPS is announced; elsewhere it is UNDEFINED', () => {
    const cpyfp = 0x19020420
    expect(execute([cpyfp]).ec).toBe(UNDEFINED)
    const machine = bareMachine({ idRegisters: new Map([[encodingOf(3, 0, 0, 6, 2), 1n << 16n]]) })
    machine.code(CODE, [cpyfp])
    expect(machine.vcpus[0].run()).toEqual({ kind: 'unimplemented', feature: 'FEAT_MOPS', word: cpyfp, pc: CODE })
  })
})
