// Real streams of ../shared/samples/qemu: what is there is tested, a new file needs no new test.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

export const SAMPLES = join(import.meta.dirname, '../../../../../shared/samples/qemu')
export const hasSamples = existsSync(SAMPLES)
if (!hasSamples) console.log('skipped: ../shared/samples/qemu is absent, so no real QEMU stream is read')

export interface Entry {
  readonly name: string
  readonly file: string
  readonly qemu: string
  readonly accel: 'tcg' | 'kvm'
  readonly what?: string
  readonly smp?: number
  readonly raw_size: number
  readonly sha256_raw: string
  readonly regs?: string
  readonly host_kernel?: string
  readonly expected?: Readonly<Record<string, string>>
  readonly [key: string]: unknown
}

/** The manifest's rows, and a row of its own for any file that the manifest does not name. */
export const ENTRIES: readonly Entry[] = hasSamples ? entries() : []

function entries(): readonly Entry[] {
  const manifest = JSON.parse(readFileSync(join(SAMPLES, 'manifest.json'), 'utf8')) as readonly Entry[]
  const named = new Set(manifest.map(entry => entry.file))
  const others = readdirSync(SAMPLES).filter(file => /\.(mig|save|qcow2)\.gz$/.test(file) && !named.has(file))
  return [
    ...manifest,
    ...others.map(file => ({ name: file.slice(0, -3), file, qemu: '', accel: file.startsWith('kvm') ? 'kvm' : 'tcg', raw_size: 0, sha256_raw: '' }) as Entry),
  ]
}

export const readSample = (entry: Entry): Buffer => gunzipSync(readFileSync(join(SAMPLES, entry.file)))

/** Registers of one vCPU as QEMU's monitor printed them: PC, X00 … X30, SP, PSTATE, Q00 …, R00 …, PSR, FPCR, FPSR; and Z00 (lowest 128 bits) where SVE is on. */
export type Printed = ReadonlyMap<string, bigint>

export function readPrinted(entry: Entry): readonly Printed[] {
  if (entry.regs === undefined) return []
  const text = readFileSync(join(SAMPLES, entry.regs), 'latin1')
  return text
    .split(/^CPU#\d+/m)
    .slice(1)
    .map(part => {
      const found = new Map<string, bigint>()
      for (const [, name = '', value = ''] of part.matchAll(/\b(PC|X\d\d|SP|PSTATE|R\d\d|PSR|FPCR|FPSR|d\d\d)= *([0-9a-f]+)\b/g))
        found.set(name, BigInt(`0x${value}`))
      for (const [, name = '', high = '', low = ''] of part.matchAll(/\b(Q\d\d)=([0-9a-f]{16}):([0-9a-f]{16})/g)) found.set(name, BigInt(`0x${high}${low}`))
      // Z registers are printed as 64-bit words, the highest first.
      for (const [, name = '', words = ''] of part.matchAll(/\b(Z\d\d)=((?:[0-9a-f]{16}:)*[0-9a-f]{16})/g))
        found.set(name, BigInt(`0x${words.replaceAll(':', '')}`))
      return found
    })
}
