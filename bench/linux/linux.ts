// Measures a real Linux on the built-in machine: `npm run bench -- linux`. The boot of Debian's kernels to the shell, default command line, one vCPU, against
// qemu-system-aarch64 (TCG, the same CPU model, the same files) by wall-clock time from process start to the shell's prompt; then how long saving and
// restoring a 512 MiB guest takes. Each is the best of some runs, the two sides in turn.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildCli } from '../../scripts/build.mjs'
import { bundleIsStale } from '../../scripts/freshness.mjs'
import { PROMPT } from '../../scripts/linux-guest/initramfs.ts'
import { qemuVersion } from '../cpu/qemu.ts'
import { type Figure, figureCells } from '../figure.ts'
import { guestFiles } from './guest-files.ts'
import { measureMoves } from './moves.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '3' }, kernel: { type: 'string', multiple: true, default: ['6.1', 'newest'] } } })
const root = fileURLToPath(new URL('../../', import.meta.url))
const bin = join(root, 'bin/run.js')
const CPU = 'cortex-a72'
/** Must hold 5: of QEMU's speed. */
const LEAST_OF_QEMU = 0.5

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-bench-linux-'))
try {
  if (bundleIsStale(root)) await buildCli()
  const figures: Figure[] = []
  const qemu = qemuVersion()
  console.log(`QEMU: ${qemu ?? 'not run'}`)
  for (const name of values.kernel) {
    const files = guestFiles(name, folder)
    if (!files) {
      console.log(`not run: kernel ${name} cannot be had`)
      continue
    }
    const ours: number[] = []
    const theirs: number[] = []
    const { kernel, initrd } = files
    for (let run = 0; run < Number(values.runs); run++) {
      ours.push(await secondsToPrompt(process.execPath, [bin, 'run', '--kernel', kernel, '--initrd', initrd, '--memory', '512', '--no-paced']))
      if (qemu !== undefined) theirs.push(await secondsToPrompt('qemu-system-aarch64', qemuArguments(kernel, initrd)))
    }
    const best = Math.min(...ours)
    figures.push({
      name: `${files.title} to its shell`,
      value: best,
      unit: 's',
      ...(theirs.length > 0 ? { limit: Math.min(...theirs) / LEAST_OF_QEMU, peer: { name: 'QEMU', value: Math.min(...theirs) } } : {}),
      better: 'less',
    })
    if (name === values.kernel[0]) figures.push(...(await measureMoves(files, folder, Number(values.runs))))
  }
  const rows = figures.map(figureCells)
  const widths = [0, 1, 2, 3].map(column => Math.max(...rows.map(row => row[column]!.length)))
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('   ')
        .trimEnd(),
    )
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function qemuArguments(kernel: string, initrd: string): readonly string[] {
  const machine = ['-M', 'virt,gic-version=3', '-cpu', CPU, '-m', '512', '-nodefaults', '-nographic', '-no-reboot', '-serial', 'stdio']
  return [...machine, '-kernel', kernel, '-initrd', initrd]
}

/** From the start of the process until it has printed the prompt; it is ended then. */
function secondsToPrompt(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const begin = performance.now()
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] })
    let tail = ''
    let seconds: number | undefined
    const limit = setTimeout(() => child.kill('SIGKILL'), 300_000)
    child.stdout.on('data', (data: Buffer) => {
      tail = (tail + data.toString('latin1')).slice(-4096)
      if (seconds !== undefined || !tail.includes(PROMPT)) return
      seconds = (performance.now() - begin) / 1000
      child.kill('SIGKILL')
    })
    child.on('error', reject)
    child.on('close', () => {
      clearTimeout(limit)
      if (seconds === undefined) reject(new Error(`${command} did not get to the shell:\n${tail}`))
      else resolve(seconds)
    })
  })
}
