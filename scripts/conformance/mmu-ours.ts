// Owns our side of the translation check: the harness on a bare engine, with the identification registers that the reference has.
import { createEngine } from '../../src/emulator/cpu/create-engine.ts'
import { encodingOf, SYSREG } from '../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE, VCPU_STATE_BYTES } from '../../src/emulator/state-layout.ts'
import { type Identification, MEMORY, type Memory, PLACE } from './mmu-memory.ts'

const id = (crm: number, op2: number): number => encodingOf(3, 0, 0, crm, op2)
const REGISTERS = ['SCTLR_EL1', 'TCR_EL1', 'TTBR0_EL1', 'TTBR1_EL1', 'MAIR_EL1', 'VBAR_EL1', 'ESR_EL1', 'FAR_EL1', 'CPACR_EL1', 'PAR_EL1'] as const
const EL1H_MASKED = 0x3c5n
const SCTLR_RESET = 0x30d0_0800n
const BUDGET = 1_000_000
/** All that the reference has. */
const RAM = { start: 0x4000_0000n, size: 128 << 20 }
const EXTERNAL_ABORT = 0x10

/** Memory as the run left it. */
export function runOurs(memory: Memory, identification: Identification): Uint8Array {
  const [mmfr0, mmfr1, mmfr2, isar0, isar1, pfr0, dczid] = identification
  const ids = new Map([
    [id(7, 0), mmfr0],
    [id(7, 1), mmfr1],
    [id(7, 2), mmfr2],
    [id(6, 0), isar0],
    [id(6, 1), isar1],
    [id(4, 0), pfr0],
    [SYSREG.DCZID_EL0, dczid],
  ])
  const sysregs = new Map(REGISTERS.map((name, slot) => [SYSREG[name], { slot }]))
  const engine = createEngine({
    ram: [RAM],
    vcpus: 1,
    idRegisters: ids,
    sysregs,
    hooks: { readSysreg: (_, encoding) => ids.get(encoding) ?? 0n, writeSysreg: () => false },
  })
  engine.writeRam(MEMORY.start, memory.bytes)
  const bytes = engine.state(0)
  const state = new DataView(bytes.buffer, bytes.byteOffset, VCPU_STATE_BYTES)
  state.setBigUint64(VCPU_STATE.pc, PLACE.code, true)
  state.setBigUint64(VCPU_STATE.pstate, EL1H_MASKED, true)
  state.setBigUint64(VCPU_STATE.sysregs, SCTLR_RESET, true)
  for (;;) {
    const { stop } = engine.run(0, BUDGET)
    if (stop.kind === 'hvc') break
    // Nothing answers there.
    const address = state.getBigUint64(VCPU_STATE.x, true)
    if (stop.kind === 'fetch-outside') engine.inject(0, { kind: 'instruction-abort', status: EXTERNAL_ABORT })
    else if (stop.kind === 'mmio' || stop.kind === 'nisv') engine.inject(0, { kind: 'data-abort', status: EXTERNAL_ABORT, address, write: stop.write })
    else throw new Error(`our run stopped at 0x${state.getBigUint64(VCPU_STATE.pc, true).toString(16)}: ${stop.kind}`)
  }
  return engine.ram(MEMORY.start, MEMORY.bytes).slice()
}
