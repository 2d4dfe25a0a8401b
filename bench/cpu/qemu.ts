// Owns running a workload on qemu-system-aarch64. Knows no engine of ours.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The first line of its version, or undefined when it is not installed. */
export function qemuVersion(): string | undefined {
  const { status, stdout } = spawnSync('qemu-system-aarch64', ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.split('\n')[0] : undefined
}

/** Wall-clock seconds from start to SYSTEM_OFF, process start included. */
export function qemuSeconds(cpu: string, image: Uint8Array): number {
  const directory = mkdtempSync(join(tmpdir(), 'psci-snap-bench-'))
  try {
    const kernel = join(directory, 'image')
    writeFileSync(kernel, image)
    const begin = performance.now()
    const options = ['-M', 'virt', '-cpu', cpu, '-m', '128', '-display', 'none', '-serial', 'none', '-monitor', 'none', '-nodefaults', '-kernel', kernel]
    const { status, error } = spawnSync('qemu-system-aarch64', options, { stdio: ['ignore', 'ignore', 'inherit'], timeout: 120_000 })
    if (status !== 0) throw new Error(`qemu-system-aarch64 ended with ${status ?? error?.message}`)
    return (performance.now() - begin) / 1000
  } finally {
    rmSync(directory, { recursive: true })
  }
}
