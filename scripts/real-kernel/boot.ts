// Owns one boot of a real kernel as a KVM host, in QEMU's TCG at EL2 (recordings/README.md): the command line, the time limit, and the frames that come
// out over the serial port. Knows nothing of what runs inside.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { crc32 } from './frames.ts'

export interface BootOptions {
  readonly kernel: string
  readonly initramfs: string
  readonly cpu: string
  /** Where the serial port's output is kept. */
  readonly serial: string
  readonly seconds: number
  readonly append?: string
}
export interface Booted {
  /** What the program inside sent, in order. */
  readonly frames: readonly unknown[]
  /** Frames whose checksum or number is wrong, by line. */
  readonly damaged: readonly number[]
  /** Exit status of the program, when it came to its end. */
  readonly exit: number | undefined
  readonly wallSeconds: number
  /** The end of the serial output, for a failure. */
  readonly tail: string
}

export const qemuVersion = (): string | undefined =>
  /version (\S+)/.exec(spawnSync('qemu-system-aarch64', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1]

export async function boot({ kernel, initramfs, cpu, serial, seconds, append = '' }: BootOptions): Promise<Booted> {
  const started = performance.now()
  const qemu = spawn(
    'qemu-system-aarch64',
    [
      ...['-M', 'virt,virtualization=on,gic-version=3', '-cpu', cpu, '-accel', 'tcg,thread=multi,tb-size=512', '-smp', '2', '-m', '1G'],
      ...['-nodefaults', '-nographic', '-no-reboot', '-serial', `file:${serial}`, '-kernel', kernel, '-initrd', initramfs],
      ...['-append', `console=ttyAMA0 loglevel=0 quiet panic=-1 nokaslr random.trust_cpu=on ${append}`.trim()],
    ],
    { stdio: 'ignore' },
  )
  const limit = setTimeout(() => qemu.kill('SIGKILL'), seconds * 1000)
  await new Promise((resolve, reject) => {
    qemu.on('error', reject)
    qemu.on('exit', resolve)
  })
  clearTimeout(limit)
  const text = readFileSync(serial, 'latin1')
  return { ...parseSerial(text), wallSeconds: (performance.now() - started) / 1000, tail: text.slice(-1500) }
}

/** `~F NUMBER LENGTH CRC32 BASE64` lines in the midst of whatever else is printed. */
export function parseSerial(text: string): Pick<Booted, 'frames' | 'damaged' | 'exit'> {
  const frames: unknown[] = []
  const damaged: number[] = []
  let exit: number | undefined
  text.split(/\r?\n/).forEach((line, at) => {
    const ended = /~EXIT (\d+)$/.exec(line)
    if (ended) exit = Number(ended[1])
    const start = line.indexOf('~F ')
    if (start < 0) return
    const [, number, length, sum, body = ''] = line.slice(start).split(' ')
    const bytes = Buffer.from(body, 'base64')
    if (Number(number) !== frames.length || bytes.length !== Number(length) || crc32(bytes) !== Number.parseInt(sum ?? '', 16)) damaged.push(at + 1)
    else frames.push(JSON.parse(bytes.toString('utf8')))
  })
  return { frames, damaged, exit }
}
