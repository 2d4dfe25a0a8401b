// Measures the interpreter: `npx tsx bench/cpu/interpreter.ts [--runs N] [--cpu cortex-a53] [--no-qemu]`. Prints one JSON line a measurement and a table.
// MIPS are guest instructions by wall-clock time. The first run of the first workload includes V8's tier-up. QEMU runs a longer form of the same program, whose
// instructions we count by running it too; its start-up, measured on a program that ends at once, is subtracted.
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

interface Run {
  readonly instructions: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly result: bigint
}

function runOnce(image: Uint8Array): Run {
  const sysregs = new Map([SYSREG.SCTLR_EL1, SYSREG.VBAR_EL1, SYSREG.ESR_EL1, SYSREG.FAR_EL1, SYSREG.CPACR_EL1].map((encoding, slot) => [encoding, { slot }]))
  const hooks = { readSysreg: () => undefined, writeSysreg: () => false }
  const engine = createEngine({ ram: [RAM], vcpus: 1, idRegisters: new Map(), sysregs, hooks })
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
  options: { runs: { type: 'string', default: '4' }, cpu: { type: 'string', default: 'cortex-a53' }, 'no-qemu': { type: 'boolean', default: false } },
})
const mips = (instructions: number, seconds: number): number => Math.round(instructions / seconds / 1e6)
const emit = (record: Readonly<Record<string, unknown>>): void => console.log(JSON.stringify(record))
const qemu = values['no-qemu'] ? undefined : qemuVersion()
const table: string[][] = []

emit({ bench: 'cpu-interpreter', machine: cpus()[0]?.model, cores: cpus().length, node: process.version, qemu: qemu ?? 'not run', cpu: values.cpu })
const startUp = qemu === undefined ? undefined : Math.min(...Array.from({ length: START_UP_RUNS }, () => qemuSeconds(values.cpu, ownImage('sieve', 0))))
for (const workload of workloads()) {
  const runs = Array.from({ length: Number(values.runs) }, (_, i) => {
    const run = runOnce(workload.image)
    emit({
      workload: workload.name,
      run: i + 1,
      instructions: run.instructions,
      mips: mips(run.instructions, run.seconds),
      mipsByCpuTime: mips(run.instructions, run.cpuSeconds),
      result: `0x${run.result.toString(16)}`,
    })
    return run
  })
  const best = Math.max(...runs.map(run => mips(run.instructions, run.seconds)))
  const theirs = startUp === undefined || !workload.long ? undefined : qemuMips(workload.long, startUp)
  if (theirs !== undefined) emit({ workload: workload.name, qemuMips: theirs, ratio: Number((best / theirs).toFixed(3)) })
  const cells = runs.map(run => String(mips(run.instructions, run.seconds)))
  table.push([workload.name, cells.join(' '), theirs === undefined ? '-' : String(theirs), theirs === undefined ? '-' : (best / theirs).toFixed(2)])
}
console.log(`\n${'workload'.padEnd(16)}${'MIPS by run'.padEnd(28)}${'QEMU'.padStart(6)}${'ratio'.padStart(8)}`)
for (const [name, runs, theirs, ratio] of table) console.log(`${name!.padEnd(16)}${runs!.padEnd(28)}${theirs!.padStart(6)}${ratio!.padStart(8)}`)

function qemuMips(image: Uint8Array, startUp: number): number {
  const { instructions } = runOnce(image)
  return mips(instructions, qemuSeconds(values.cpu, image) - startUp)
}
