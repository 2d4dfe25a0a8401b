// Owns the two sides of the debug check: the harness under qemu-system-aarch64, and on an engine of ours. Knows no case.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createEngine } from '../../src/emulator/cpu/create-engine.ts'
import { DEBUG_REGISTER } from '../../src/emulator/cpu/debug/debug-registers.ts'
import { encodingOf, SYSREG } from '../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE, VCPU_STATE_BYTES } from '../../src/emulator/state-layout.ts'
import { MEMORY } from './debug-cases.ts'

const HARNESS = fileURLToPath(new URL('debug-harness.S', import.meta.url))
const TOOLS = 'aarch64-linux-gnu-'
const CPU = 'cortex-a72'
const RAM_MIB = 128

export interface DebugReference {
  readonly image: Uint8Array
  /** Where the sequences are. */
  readonly first: bigint
  readonly last: bigint
  /** The results, after a run of this memory. */
  run(memory: Uint8Array): Uint8Array
  close(): void
}

/** Throws when the cross tools or qemu-system-aarch64 are missing. */
export function openDebugReference(): DebugReference {
  const directory = mkdtempSync(join(tmpdir(), 'psci-snap-debug-'))
  const program = join(directory, 'harness')
  const run = (tool: string, args: readonly string[]): string =>
    execFileSync(tool, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: directory, timeout: 120_000 }).toString()
  run(`${TOOLS}gcc`, ['-nostdlib', '-static', '-Wl,--build-id=none', `-Wl,-Ttext=0x${MEMORY.start.toString(16)}`, '-o', program, HARNESS])
  run(`${TOOLS}objcopy`, ['-O', 'binary', program, `${program}.bin`])
  const symbols = new Map(
    run(`${TOOLS}nm`, [program])
      .trim()
      .split('\n')
      .map(line => line.split(' '))
      .map(([address = '', , name = '']) => [name, BigInt(`0x${address}`)]),
  )
  return {
    image: readFileSync(`${program}.bin`),
    first: symbols.get('sequences')!,
    last: symbols.get('sequences_end')!,
    run(memory) {
      const image = join(directory, 'image')
      writeFileSync(image, memory)
      const start = MEMORY.start.toString(16)
      const board = ['-M', 'virt', '-cpu', CPU, '-m', String(RAM_MIB), '-accel', 'tcg', '-nodefaults', '-nographic']
      const output = ['-semihosting-config', 'enable=on,target=native']
      run('qemu-system-aarch64', [
        ...board,
        ...output,
        '-device',
        `loader,file=${image},addr=0x${start},force-raw=on`,
        '-device',
        `loader,addr=0x${start},cpu-num=0`,
      ])
      return new Uint8Array(readFileSync(join(directory, 'debug.out')))
    },
    close: () => rmSync(directory, { recursive: true }),
  }
}

const EL1H_MASKED = 0x3c5n
const BUDGET = 100_000_000
const OSLAR_EL1 = encodingOf(2, 0, 1, 0, 4)
/** A Cortex-A72's (TRM 4.3): comparators; AArch32 at EL0 and EL1. */
const IDENTIFICATION = new Map([
  [DEBUG_REGISTER.ID_AA64DFR0_EL1, 0x1030_5006n],
  [DEBUG_REGISTER.ID_AA64PFR0_EL1, 0x0000_2222n],
  [SYSREG.ID_AA64MMFR0_EL1, 0x1124n],
])

/** The results, after a run of this memory on an engine of ours in pieces of at most `piece` instructions. */
export function runOurs(memory: Uint8Array, piece = BUDGET): Uint8Array {
  const { MDSCR_EL1, OSLSR_EL1, CONTEXTIDR_EL1, DBGBVR, DBGBCR, DBGWVR, DBGWCR } = DEBUG_REGISTER
  const general = ['SCTLR_EL1', 'TCR_EL1', 'TTBR0_EL1', 'TTBR1_EL1', 'MAIR_EL1', 'VBAR_EL1', 'ESR_EL1', 'FAR_EL1', 'CPACR_EL1'] as const
  const all = [...general.map(name => SYSREG[name]), MDSCR_EL1, OSLSR_EL1, CONTEXTIDR_EL1, ...DBGBVR, ...DBGBCR, ...DBGWVR, ...DBGWCR]
  const sysregs = new Map(all.map((encoding, slot) => [encoding, { slot }]))
  const lock = VCPU_STATE.sysregs + 8 * sysregs.get(OSLSR_EL1)!.slot
  const engine = createEngine({
    ram: [{ start: MEMORY.start, size: memory.length }],
    vcpus: 1,
    idRegisters: IDENTIFICATION,
    sysregs,
    hooks: {
      readSysreg: () => undefined,
      writeSysreg(_, encoding, value) {
        if (encoding === OSLAR_EL1) state.setBigUint64(lock, (value & 1n) << 1n, true)
        return encoding === OSLAR_EL1
      },
    },
  })
  engine.writeRam(MEMORY.start, memory)
  const bytes = engine.state(0)
  const state = new DataView(bytes.buffer, bytes.byteOffset, VCPU_STATE_BYTES)
  state.setBigUint64(VCPU_STATE.pc, MEMORY.start, true)
  state.setBigUint64(VCPU_STATE.pstate, EL1H_MASKED, true)
  for (;;) {
    const { stop } = engine.run(0, piece)
    if (stop.kind === 'hvc') break
    if (stop.kind !== 'budget') throw new Error(`our run stopped at 0x${state.getBigUint64(VCPU_STATE.pc, true).toString(16)}: ${stop.kind}`)
  }
  return engine.ram(MEMORY.results, memory.length - Number(MEMORY.results - MEMORY.start)).slice()
}
