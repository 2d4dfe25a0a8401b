// Measures the CPU: `npx tsx bench/cpu/cpu.ts [--runs N] [--cpu cortex-a72] [--no-qemu]`. Prints one JSON line a measurement and a table.
// MIPS are guest instructions by wall-clock time. The interpreter alone runs each workload for a while; with compiled regions we run the same long program as QEMU,
// the two in turn, from nothing: compiling and V8's tier-up are in the figure, as QEMU's translation is in its. Of each the best run counts. QEMU's start-up,
// measured on a program that ends at once, is subtracted; the instructions are ours, counted while running.
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { createEngine } from '../../src/emulator/cpu/create-engine.ts'
import { SYSREG } from '../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE, VCPU_STATE_BYTES } from '../../src/emulator/state-layout.ts'
import { qemuSeconds, qemuVersion } from './qemu.ts'
import { LOAD_ADDRESS, ownImage, workloads } from './workloads.ts'

const RAM = { start: 0x4000_0000n, size: 64 << 20 }
const EL1H_MASKED = 0x3c5n
const SCTLR_RESET = 0x30d0_0878n
const START_UP_RUNS = 3
/** Must hold 5. */
const LEAST_MIPS = 200
const LEAST_OF_QEMU = 0.7

interface Run {
  readonly instructions: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly result: bigint
}

function runOnce(image: Uint8Array, compiled: boolean): Run {
  const sysregs = new Map([SYSREG.SCTLR_EL1, SYSREG.VBAR_EL1, SYSREG.ESR_EL1, SYSREG.FAR_EL1, SYSREG.CPACR_EL1].map((encoding, slot) => [encoding, { slot }]))
  const hooks = { readSysreg: () => undefined, writeSysreg: () => false }
  const engine = createEngine({ ram: [RAM], vcpus: 1, idRegisters: new Map(), sysregs, hooks, ...(compiled ? {} : { jit: false }) })
  engine.writeRam(LOAD_ADDRESS, image)
  const bytes = engine.state(0)
  const state = new DataView(bytes.buffer, bytes.byteOffset, VCPU_STATE_BYTES)
  state.setBigUint64(VCPU_STATE.pc, LOAD_ADDRESS, true)
  state.setBigUint64(VCPU_STATE.pstate, EL1H_MASKED, true)
  state.setBigUint64(VCPU_STATE.sysregs, SCTLR_RESET, true)
  const [begin, cpuBegin] = [performance.now(), process.cpuUsage()]
  const { executed, stop } = engine.run(0, Number.MAX_SAFE_INTEGER)
  const seconds = (performance.now() - begin) / 1000
  const cpuSeconds = process.cpuUsage(cpuBegin).user / 1e6
  if (stop.kind !== 'hvc') throw new Error(`the workload stopped: ${stop.kind}`)
  return { instructions: executed, seconds, cpuSeconds, result: state.getBigUint64(VCPU_STATE.x + 8, true) }
}

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, cpu: { type: 'string', default: 'cortex-a72' }, 'no-qemu': { type: 'boolean', default: false } },
})
const mips = (instructions: number, seconds: number): number => Math.round(instructions / seconds / 1e6)
const emit = (record: Readonly<Record<string, unknown>>): void => console.log(JSON.stringify(record))
const qemu = values['no-qemu'] ? undefined : qemuVersion()
const runs = Array.from({ length: Number(values.runs) }, (_, i) => i + 1)
const table: string[][] = []
const verdict = (kept: boolean): string => (kept ? 'kept' : 'NOT KEPT')

emit({ bench: 'cpu', machine: cpus()[0]?.model, cores: cpus().length, node: process.version, qemu: qemu ?? 'not run', cpu: values.cpu })
const startUp = qemu === undefined ? undefined : Math.min(...Array.from({ length: START_UP_RUNS }, () => qemuSeconds(values.cpu, ownImage('sieve', 0))))
for (const { name, image, long } of workloads()) {
  const measured = (what: string, program: Uint8Array, compiled: boolean): number => {
    const run = runOnce(program, compiled)
    const figure = mips(run.instructions, run.seconds)
    emit({
      workload: name,
      what,
      instructions: run.instructions,
      mips: figure,
      mipsByCpuTime: mips(run.instructions, run.cpuSeconds),
      result: `0x${run.result.toString(16)}`,
    })
    instructions = run.instructions
    return figure
  }
  let instructions = 0
  const interpreted = Math.max(...runs.map(() => measured('interpreter', image, false)))
  const program = long ?? image
  const pairs = runs.map(() => {
    const ours = measured('compiled', program, true)
    const theirs = startUp === undefined || !long ? undefined : mips(instructions, qemuSeconds(values.cpu, program) - startUp)
    if (theirs !== undefined) emit({ workload: name, what: 'qemu', mips: theirs })
    return { ours, theirs }
  })
  const ours = Math.max(...pairs.map(pair => pair.ours))
  const theirs = Math.max(...pairs.map(pair => pair.theirs ?? 0))
  const ratio = theirs === 0 ? undefined : ours / theirs
  const kept = interpreted >= LEAST_MIPS && (ratio ?? 1) >= LEAST_OF_QEMU
  table.push([name, String(interpreted), pairs.map(pair => pair.ours).join(' '), theirs === 0 ? '-' : String(theirs), ratio?.toFixed(2) ?? '-', verdict(kept)])
}
console.log(`MIPS. Limits: the interpreter alone at least ${LEAST_MIPS}, with compiled regions at least ${LEAST_OF_QEMU} of QEMU (-cpu ${values.cpu})`)
const cells = ([name, interpreted, compiled, theirs, ratio, limits]: readonly string[]): string =>
  `${name!.padEnd(14)}${interpreted!.padStart(12)}   ${compiled!.padEnd(24)}${theirs!.padStart(6)}${ratio!.padStart(8)}  ${limits}`
console.log(cells(['workload', 'interpreter', 'compiled, by run', 'QEMU', 'ratio', 'limits']))
for (const row of table) console.log(cells(row))
