// Owns the same boot on `qemu-system-aarch64 -M virt`: which warnings a kernel shows there.
import { spawn } from 'node:child_process'
import { type GuestLog, readLog } from './guest-log.ts'
import { AUTO } from './initramfs.ts'

export interface BootFiles {
  readonly kernel: string
  readonly initrd: string
}

/** Undefined when there is no QEMU, or the guest did not get to its end in time. */
export async function referenceLog({ kernel, initrd }: BootFiles, cpus: number, seconds: number, signal: AbortSignal): Promise<GuestLog | undefined> {
  const qemu = spawn(
    'qemu-system-aarch64',
    [
      ...['-M', 'virt,gic-version=3', '-cpu', 'cortex-a72', '-smp', String(cpus), '-m', '512'],
      ...['-nodefaults', '-nographic', '-no-reboot', '-serial', 'stdio', '-kernel', kernel, '-initrd', initrd, '-append', AUTO],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  let output = ''
  qemu.stdout.on('data', (data: Buffer) => {
    output += data.toString('latin1')
  })
  const end = (): void => void qemu.kill('SIGKILL')
  const limit = setTimeout(end, seconds * 1000)
  signal.addEventListener('abort', end)
  process.on('exit', end)
  try {
    const isThere = await new Promise<boolean>(resolve => {
      qemu.on('error', () => resolve(false))
      qemu.on('close', () => resolve(true))
    })
    const log = isThere ? readLog(output) : undefined
    return log?.said('BYE') ? log : undefined
  } finally {
    clearTimeout(limit)
    signal.removeEventListener('abort', end)
    process.off('exit', end)
  }
}
