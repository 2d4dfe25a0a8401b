// Owns one boot of a real kernel as a KVM host, in QEMU's TCG at EL2 (recordings/README.md): the command line, the time limit, and ending it. Knows
// nothing of what runs inside.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { type Parsed, parseSerial } from './read-frames.ts'

export interface BootOptions {
  readonly kernel: string
  readonly initramfs: string
  readonly cpu: string
  /** Where the serial port's output is kept. */
  readonly serial: string
  readonly seconds: number
  readonly append?: string
  readonly signal?: AbortSignal
}
export interface Booted extends Parsed {
  readonly wallSeconds: number
  /** It did not end by itself. */
  readonly timedOut: boolean
  /** What QEMU said, when it did not start. */
  readonly complaint: string
}

/** Undefined when there is no QEMU. */
export const qemuVersion = (): string | undefined =>
  /version (\S+)/.exec(spawnSync('qemu-system-aarch64', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1]

const TAIL_OF_COMPLAINT = 2000

/** Runs QEMU to its end. Throws when there is none, or the signal is given; either way none is left running. */
export async function boot({ kernel, initramfs, cpu, serial, seconds, append = '', signal }: BootOptions): Promise<Booted> {
  signal?.throwIfAborted()
  const started = performance.now()
  const qemu = spawn(
    'qemu-system-aarch64',
    [
      ...['-M', 'virt,virtualization=on,gic-version=3', '-cpu', cpu, '-accel', 'tcg,thread=multi,tb-size=512', '-smp', '2', '-m', '1536M'],
      ...['-nodefaults', '-nographic', '-no-reboot', '-serial', `file:${serial}`, '-kernel', kernel, '-initrd', initramfs],
      // loglevel=1: only what kills the kernel is printed between the frames, and that is.
      ...['-append', `console=ttyAMA0 loglevel=1 quiet panic=-1 nokaslr random.trust_cpu=on ${append}`.trim()],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let timedOut = false
  let complaint = ''
  qemu.stderr.on('data', (data: Buffer) => {
    complaint = (complaint + data.toString()).slice(-TAIL_OF_COMPLAINT)
  })
  const end = (): void => void qemu.kill('SIGKILL')
  const limit = setTimeout(() => {
    timedOut = true
    end()
  }, seconds * 1000)
  signal?.addEventListener('abort', end)
  // Whatever ends this process ends the machine.
  process.on('exit', end)
  try {
    await ended(qemu)
  } finally {
    clearTimeout(limit)
    signal?.removeEventListener('abort', end)
    process.off('exit', end)
  }
  signal?.throwIfAborted()
  const text = existsSync(serial) ? readFileSync(serial, 'latin1') : ''
  return { ...parseSerial(text), timedOut, complaint: complaint.trim(), wallSeconds: (performance.now() - started) / 1000 }
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve())
  })
