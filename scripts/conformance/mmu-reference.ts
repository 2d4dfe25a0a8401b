// Owns the reference side of the translation check: builds the harness and runs it under qemu-system-aarch64. Knows no engine.
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MEMORY, type Memory, PLACE } from './mmu-memory.ts'

const HARNESS = fileURLToPath(new URL('mmu-harness.S', import.meta.url))
const TOOLS = 'aarch64-linux-gnu-'
const quiet: ExecFileSyncOptions = { stdio: ['ignore', 'pipe', 'inherit'] }

export interface Harness {
  /** Code of EL1 from MEMORY.start on, with EL0's behind it. */
  readonly image: Uint8Array
  readonly el1Return: bigint
  readonly el0Return: bigint
}

export interface MmuReference {
  readonly harness: Harness
  /** Memory as the run left it. */
  run(cpu: string, memory: Memory): Uint8Array
  close(): void
}

/** Throws when the cross tools or qemu-system-aarch64 are missing. */
export function openMmuReference(): MmuReference {
  const directory = mkdtempSync(join(tmpdir(), 'psci-snap-mmu-'))
  const program = join(directory, 'harness')
  const sections = { '.el1': PLACE.code, '.el0': PLACE.userCode }
  const place = Object.entries(sections).map(([name, address]) => `-Wl,--section-start=${name}=0x${address.toString(16)}`)
  const options = ['-nostdlib', '-static', '-Wl,--build-id=none', ...place, '-o', program, HARNESS]
  execFileSync(`${TOOLS}gcc`, options, quiet)
  execFileSync(`${TOOLS}objcopy`, ['-O', 'binary', program, `${program}.bin`], quiet)
  const symbols = new Map(
    execFileSync(`${TOOLS}nm`, [program], quiet)
      .toString()
      .trim()
      .split('\n')
      .map(line => line.split(' ') as [string, string, string])
      .map(([address, , name]) => [name, BigInt(`0x${address}`)]),
  )
  return {
    harness: { image: readFileSync(`${program}.bin`), el1Return: symbols.get('el1_return')!, el0Return: symbols.get('el0_return')! },
    run(cpu, memory) {
      const image = join(directory, 'image')
      writeFileSync(image, memory.bytes)
      const load = `loader,file=${image},addr=0x${MEMORY.start.toString(16)},force-raw=on`
      const start = `loader,addr=0x${PLACE.code.toString(16)},cpu-num=0`
      const board = ['-M', 'virt', '-cpu', cpu, '-m', '128', '-accel', 'tcg', '-nodefaults', '-nographic']
      const output = ['-semihosting-config', 'enable=on,target=native']
      execFileSync('qemu-system-aarch64', [...board, ...output, '-device', load, '-device', start], { ...quiet, cwd: directory, timeout: 60_000 })
      return new Uint8Array(readFileSync(join(directory, 'mmu.out')))
    },
    close: () => rmSync(directory, { recursive: true }),
  }
}
