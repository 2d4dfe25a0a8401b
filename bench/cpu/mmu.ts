// Measures what translation costs: `npx tsx bench/cpu/mmu.ts [--runs N]`. The workloads with the MMU off and on (4 KiB pages), and the time of an access whose page
// is not remembered. One JSON line a measurement. MIPS are guest instructions by the CPU time of the process.
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { createEngine } from '../../src/emulator/cpu/create-engine.ts'
import type { Engine } from '../../src/emulator/cpu/engine.ts'
import { encodingOf, SYSREG } from '../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE, VCPU_STATE_BYTES } from '../../src/emulator/state-layout.ts'
import { LOAD_ADDRESS, workloads } from './workloads.ts'

const RAM = { start: 0x4000_0000n, size: 128 << 20 }
const TABLES = RAM.start + 0x700_0000n
const EL1H_MASKED = 0x3c5n
const SCTLR_RESET = 0x30d0_0878n
const REGISTERS = [
  SYSREG.SCTLR_EL1,
  SYSREG.VBAR_EL1,
  SYSREG.ESR_EL1,
  SYSREG.FAR_EL1,
  SYSREG.CPACR_EL1,
  SYSREG.TCR_EL1,
  SYSREG.TTBR0_EL1,
  SYSREG.TTBR1_EL1,
  SYSREG.MAIR_EL1,
]
/** T0SZ 25: three levels; IPS 44 bits. */
const TCR = 25n | (25n << 16n) | (2n << 30n) | (4n << 32n)
const PAGE = 0x703n // inner shareable, access flag

const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' } } })
const emit = (record: Readonly<Record<string, unknown>>): void => console.log(JSON.stringify(record))
emit({ bench: 'cpu-mmu', machine: cpus()[0]?.model, cores: cpus().length, node: process.version })

interface Prepared {
  readonly engine: Engine
  readonly state: DataView
}

/** An engine at LOAD_ADDRESS; with `mmu` all of RAM is mapped where it is. */
function prepare(mmu: boolean): Prepared {
  const idRegisters = new Map([[encodingOf(3, 0, 0, 7, 0), 0x24n]])
  const sysregs = new Map(REGISTERS.map((encoding, slot) => [encoding, { slot }]))
  const engine = createEngine({ ram: [RAM], vcpus: 1, idRegisters, sysregs, hooks: { readSysreg: () => undefined, writeSysreg: () => false }, jit: false })
  const bytes = engine.state(0)
  const state = new DataView(bytes.buffer, bytes.byteOffset, VCPU_STATE_BYTES)
  const sysreg = (encoding: number, value: bigint): void => state.setBigUint64(VCPU_STATE.sysregs + REGISTERS.indexOf(encoding) * 8, value, true)
  state.setBigUint64(VCPU_STATE.pc, LOAD_ADDRESS, true)
  state.setBigUint64(VCPU_STATE.pstate, EL1H_MASKED, true)
  sysreg(SYSREG.SCTLR_EL1, SCTLR_RESET | (mmu ? 1n : 0n))
  sysreg(SYSREG.TCR_EL1, TCR)
  sysreg(SYSREG.TTBR0_EL1, TABLES)
  sysreg(SYSREG.MAIR_EL1, 0xffn)
  const words = (at: bigint, entries: readonly bigint[]): void => engine.writeRam(at, new Uint8Array(BigUint64Array.from(entries).buffer))
  const second = TABLES + 0x1000n
  const third = TABLES + 0x2000n
  words(TABLES + 8n, [second | 3n])
  words(
    second,
    Array.from({ length: RAM.size >> 21 }, (_, i) => (third + BigInt(i) * 0x1000n) | 3n),
  )
  words(
    third,
    Array.from({ length: RAM.size >> 12 }, (_, i) => (RAM.start + BigInt(i) * 0x1000n) | PAGE),
  )
  return { engine, state }
}

function measure({ engine, state }: Prepared): { readonly instructions: number; readonly seconds: number } {
  const begin = process.cpuUsage()
  const { executed, stop } = engine.run(0, Number.MAX_SAFE_INTEGER)
  if (stop.kind !== 'hvc') throw new Error(`stopped by ${stop.kind} at 0x${state.getBigUint64(VCPU_STATE.pc, true).toString(16)}`)
  return { instructions: executed, seconds: process.cpuUsage(begin).user / 1e6 }
}
const best = (of: () => { readonly instructions: number; readonly seconds: number }): { readonly instructions: number; readonly seconds: number } =>
  Array.from({ length: Number(values.runs) }, of).reduce((a, b) => (b.seconds < a.seconds ? b : a))

for (const workload of workloads()) {
  const mips = [false, true].map(mmu => {
    const { instructions, seconds } = best(() => {
      const prepared = prepare(mmu)
      prepared.engine.writeRam(LOAD_ADDRESS, workload.image)
      return measure(prepared)
    })
    return Math.round(instructions / seconds / 1e6)
  })
  emit({ workload: workload.name, mipsOff: mips[0], mipsOn: mips[1] })
}

// 64 MiB, a page a step, so that no look-up table has it: ldr x3, [x1, x2]; add x2, x2, #1, lsl #12; and x2, x2, #mask; subs x0, x0, #1; b.ne; hvc
const LOOP = [0xf862_6823, 0x9140_0442, 0x9240_6442, 0xf100_0400, 0x54ff_ff81, 0xd400_0002]
const ACCESSES = 4_000_000
const loop = (step: number) => () => {
  const prepared = prepare(true)
  const code = LOOP.with(1, step === 0 ? 0xd503_201f : LOOP[1]!)
  prepared.engine.writeRam(LOAD_ADDRESS, new Uint8Array(Uint32Array.from(code).buffer))
  prepared.state.setBigUint64(VCPU_STATE.x, BigInt(ACCESSES), true)
  prepared.state.setBigUint64(VCPU_STATE.x + 8, RAM.start + 0x10_0000n, true)
  return measure(prepared)
}
const [missing, hitting] = [best(loop(1)), best(loop(0))]
emit({ accesses: ACCESSES, missNanoseconds: Number((((missing.seconds - hitting.seconds) / ACCESSES) * 1e9).toFixed(1)) })
