// Translation exists twice: in generated code for what ends well, and as a pure function that decides everything. Random tables and accesses: they agree.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { translationFeatures } from '../../../../src/arch/translation/features.ts'
import { translationRegime } from '../../../../src/arch/translation/regime.ts'
import { translate } from '../../../../src/arch/translation/walk.ts'
import { SYSREG } from '../../../../src/emulator/cpu/system-register-encoding.ts'
import { CODE, EL1H, HVC, RAM, VECTORS, word } from '../bare-machine.ts'
import { random } from '../random-program.ts'
import { ALL_GRANULES, D, type Granule, MMFR1, PAGED_RAM_SIZE, pagedMachine, type Tables } from './paged-machine.ts'

const GRANULES: readonly (readonly [Granule, number])[] = [
  [12, 39],
  [12, 48],
  [14, 47],
  [16, 42],
]
const PAN = 1 << 22
const UAO = 1 << 23
const OPERATIONS = [
  { instruction: word('LDR_X_imm', { n: 1, t: 2 }), kind: 'read', unprivileged: false },
  { instruction: word('STR_X_imm', { n: 1, t: 2 }), kind: 'write', unprivileged: false },
  { instruction: word('LDTR_X', { n: 1, t: 2 }), kind: 'read', unprivileged: true },
  { instruction: word('STTR_X', { n: 1, t: 2 }), kind: 'write', unprivileged: true },
  { instruction: word('BR', { n: 1 }), kind: 'fetch', unprivileged: false },
] as const
const HD = 3n << 39n

test('random tables, random accesses: the same outcome, address by address', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.nat(1e9), seed => {
      const next = random(seed)
      const below = (limit: number): number => next() % limit
      const [granule, inputBits] = GRANULES[below(GRANULES.length)]!
      const managed = below(3) === 0
      const flags = (managed ? HD : 0n) | (BigInt(below(4)) << 37n)
      const paged = pagedMachine({ granule, inputBits, tcr: flags, idRegisters: new Map([[MMFR1, 0x30_1002n]]) })
      const { machine, vcpu } = paged
      const wxn = BigInt(below(4) === 0 ? 1 << 19 : 0) | BigInt(below(4) === 0 ? 2 : 0) | (below(3) === 0 ? 1n << 57n : 0n)
      vcpu.setSysreg(SYSREG.SCTLR_EL1, vcpu.sysreg(SYSREG.SCTLR_EL1) | wxn)
      for (const table of [VECTORS + 0x200n, VECTORS + 0x400n]) machine.code(table, [HVC])
      for (let page = RAM; page < RAM + 0x8000n; page += 1n << BigInt(granule)) paged.low.map(page, page, D.flag | D.readOnly)
      machine.code(RAM + 0x1_0000n, new Array<number>(0x4_0000).fill(HVC).slice(0, 0x1_0000))
      const addresses = Array.from({ length: 24 }, () => grow(below(4) === 0 ? paged.high : paged.low, below))
      const features = translationFeatures((crm, op2) => (crm === 7 ? ([ALL_GRANULES, 0x30_1002n, 0n][op2] ?? 0n) : 0n))
      const read = (address: bigint) => (address >= RAM && address + 8n <= RAM + BigInt(PAGED_RAM_SIZE) ? machine.dword(address) : undefined)
      for (let i = 0; i < 60; i++) {
        const operation = OPERATIONS[below(OPERATIONS.length)]!
        const pstate = EL1H | (below(2) ? PAN : 0) | (below(3) === 0 ? UAO : 0)
        const address = BigInt.asUintN(64, addresses[below(addresses.length)]! | (below(6) === 0 ? BigInt(below(256)) << 56n : 0n)) & ~7n
        const privileged = !(operation.unprivileged && !(pstate & UAO))
        const rights = { kind: operation.kind, privileged, pan: privileged && operation.kind !== 'fetch' && (pstate & PAN) !== 0 }
        const regime = translationRegime(
          {
            sctlr: vcpu.sysreg(SYSREG.SCTLR_EL1),
            tcr: vcpu.sysreg(SYSREG.TCR_EL1),
            ttbr0: vcpu.sysreg(SYSREG.TTBR0_EL1),
            ttbr1: vcpu.sysreg(SYSREG.TTBR1_EL1),
            mair: vcpu.sysreg(SYSREG.MAIR_EL1),
          },
          features,
        )
        const expected = translate(regime, address, rights, read)
        vcpu.set('pc', CODE)
        vcpu.set('pstate', BigInt(pstate))
        machine.code(CODE, [operation.instruction, HVC])
        vcpu.setX(1, address)
        vcpu.setX(2, 0x5a5a_0000_0000_0000n | BigInt(i))
        vcpu.setSysreg(SYSREG.ESR_EL1, 0n)
        const value = expected.mapping && read(expected.mapping.address)
        const stop = vcpu.run(50)
        const esr = vcpu.sysreg(SYSREG.ESR_EL1)
        if (expected.fault) {
          expect([Number(esr & 0x3fn), esr >> 26n]).toEqual([expected.fault.status, operation.kind === 'fetch' ? 0x21n : 0x25n])
          continue
        }
        const outside = value === undefined
        if (outside) {
          const kind = operation.kind === 'fetch' ? 'fetch-outside' : 'mmio'
          expect(stop).toMatchObject({ kind, address: expected.mapping.address })
          continue
        }
        // What was stored there before may be no instruction: then it was fetched all the same.
        if (operation.kind === 'fetch') expect(esr === 0n || esr >> 26n === 0n).toBe(true)
        else expect(esr).toBe(0n)
        const { update, address: physical } = expected.mapping
        if (update && update.address !== physical) expect(machine.dword(update.address)).toBe(update.value)
        if (operation.kind === 'read') expect(vcpu.x(2)).toBe(value)
        if (operation.kind === 'write' && update?.address !== physical) expect(machine.dword(physical)).toBe(0x5a5a_0000_0000_0000n | BigInt(i))
      }
    }),
    { seed: 7, numRuns: 60 },
  )
})

/** A way through the tables with whatever may be on it; the address at its end. */
function grow(tables: Tables, below: (limit: number) => number): bigint {
  const upper = tables.root >= RAM + 0x30_0000n
  const bits = (1n << BigInt(tables.inputBits)) - 1n
  const random64 = (BigInt(below(2 ** 31)) << 32n) | (BigInt(below(2 ** 31)) << 1n)
  const address = (random64 & bits & ~0xfffn) | (1n << BigInt(tables.inputBits - 1))
  const frame = RAM + 0x1_0000n + BigInt(below(4)) * 0x1_0000n
  const bit = (one: number, of: number, value: bigint): bigint => (below(of) < one ? value : 0n)
  const permissions =
    bit(6, 7, D.flag) | bit(1, 2, D.user) | bit(1, 2, D.readOnly) | bit(1, 4, D.pxn) | bit(1, 4, D.uxn) | bit(1, 3, D.dirtyManaged) | D.attribute(below(3))
  const tableBits = bit(1, 6, D.noUserTable) | bit(1, 6, D.readOnlyTable) | bit(1, 6, D.pxnTable) | bit(1, 6, D.uxnTable)
  const level = below(5) === 0 ? 2 : 3
  const shift = tables.shift(level)
  const bad = below(12)
  const physical = bad === 0 ? 1n << 46n : bad === 1 ? 0x900_0000n & ~((1n << shift) - 1n) : (frame >> shift) << shift
  // Blocks begin below RAM's frames: the address within leads to one.
  const within = level === 2 ? frame & ((1n << shift) - 1n) : 0n
  const at = level === 2 ? (address & ~((1n << shift) - 1n)) | within : address
  tables.map(at, physical, permissions, level, tableBits)
  return (upper ? BigInt.asUintN(64, ~bits) : 0n) | at | BigInt(below(64) * 8)
}
