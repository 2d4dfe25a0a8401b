// Owns reading what the guest of initramfs.ts printed: its own lines, and the kernel's with their levels. Judges which of them are warnings.
import { MARK } from './initramfs.ts'

export interface GuestLog {
  readonly text: string
  readonly kernel: string | undefined
  readonly cpus: number
  /** `1.3` as the kernel's log names it. */
  readonly psci: string | undefined
  /** Lines of /sys/kernel/debug/psci, of kernels that have it. */
  readonly features: readonly string[]
  /** Messages of level warning and worse, without times and numbers. */
  readonly warnings: readonly string[]
  readonly said: (marker: string) => boolean
}

/** KERN_WARNING; smaller numbers are worse. */
const WARNING = 4

export function readLog(output: string): GuestLog {
  const text = output.replaceAll('\r', '')
  const marked = (name: string): readonly string[] => [...text.matchAll(new RegExp(`^${MARK}${name} (.*)$`, 'gm'))].map(([, line]) => line!)
  const [kernel, cpus] = marked('KERNEL')[0]?.split(' cpus=') ?? []
  const messages = marked('LOG').flatMap(line => {
    const [, level, message] = /^<(\d+)>\[[^\]]*\] (.*)$/.exec(line) ?? []
    return message === undefined ? [] : [{ level: Number(level) & 7, message }]
  })
  return {
    text,
    kernel,
    cpus: Number(cpus ?? 0),
    psci: /psci: PSCIv(\S+) detected/.exec(text)?.[1],
    features: marked('PSCI'),
    warnings: [...new Set(messages.filter(({ level }) => level <= WARNING).map(({ message }) => general(message)))],
    said: marker => text.includes(`${MARK}${marker}`),
  }
}

/** Addresses, counts and times differ between machines and are no news. */
const general = (message: string): string => message.replace(/0x[0-9a-f]+|\b[0-9a-f]{8,16}\b|\d+/gi, 'N')
