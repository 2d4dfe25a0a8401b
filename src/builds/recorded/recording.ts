// Owns the shape of a recording of a real kernel (recordings/SCHEMA.md), as far as builds need it, and its values' text form. Reads no file.
import type { FirmwareRecording } from './firmware-rules.ts'

export type Value = string | number
/** One feature set's register list right after INIT (and FINALIZE). */
export interface RecordedSet {
  readonly set: string
  readonly feat: string
  readonly vgic: number
  readonly n?: number
  readonly regs?: readonly (readonly [string, Value])[]
  readonly vcpu1_n?: number
  readonly vcpu1_diff?: readonly (readonly [string, Value])[]
  readonly mp?: readonly [number, number]
  readonly unsupported?: boolean
  readonly fail?: string
  readonly errno?: number
}
export interface RecordedIdRegister {
  readonly id: string
  readonly val: string
  readonly same: number
  readonly low: readonly number[]
  readonly high: readonly number[]
  readonly zero: number
  readonly unrestored?: number
}
export interface Replayed {
  readonly n_src: number
  readonly n_dst: number
  readonly fail: readonly (readonly [string, number, Value, Value | null])[]
  readonly diff: readonly (readonly [string, Value, Value, string?])[]
  readonly dst_missing: readonly string[]
  readonly dst_extra: readonly (readonly [string, Value])[]
  readonly n_dst_after: number
}
export interface Recording extends FirmwareRecording {
  readonly version: string
  readonly uname_r: string
  readonly uname_v: string
  readonly package: string
  readonly qemu_cpu: string
  readonly append: string
  readonly complete: boolean
  /** What recorded it, where that is `psci-snap probe`. */
  readonly tool?: string
  /** Known to who booted the host, not to the probe (scripts/real-kernel/record.ts). */
  readonly emulator?: string
  readonly hostFirmware?: string
  readonly meta: FirmwareRecording['meta'] & {
    readonly preferred: { readonly target: number }
    readonly sysfs: Readonly<Record<string, string>>
    readonly cmdline?: string
    /** MIDR_EL1 of the host. */
    readonly midr?: string
  }
  readonly regs: readonly RecordedSet[]
  readonly errs: Readonly<Record<string, number | string>>
  readonly mpstate: readonly {
    readonly cap_suspend: number
    readonly enable_errno?: number
    readonly rows: readonly (readonly [number, number, number])[]
    readonly suspended?: Readonly<Record<string, number | string>>
  }[]
  readonly timer: readonly Readonly<Record<string, number | Readonly<Record<string, number | string>>>>[]
  readonly idvm: readonly {
    readonly rows: readonly (readonly [string, string, string, number, string, string])[]
    readonly reinit: number
    readonly after_reinit: readonly string[]
    readonly n_after: number
  }[]
  readonly fwreinit: readonly { readonly rows: readonly (readonly [string, string, string, number, string, number, string])[] }[]
  readonly fwwrite: readonly {
    readonly set: string
    readonly reg: string
    readonly phase: 'pre' | 'post'
    readonly via: 0 | 1
    readonly default: string
    readonly other_default: string
    readonly rows: readonly (readonly [string, number, string, string, number?, string?])[]
    readonly bits_ok: string
    readonly bits_err: Readonly<Record<string, string>>
    readonly final: string
  }[]
  readonly fwhidden?: readonly { readonly set: string; readonly reg: string }[]
  readonly restore?: readonly ({ readonly set: string; readonly mode: 'fresh' | 'A_ran' | 'B_ran' } & {
    readonly vcpu0?: Replayed
    readonly vcpu1?: Replayed
  })[]
  readonly idmasks?: readonly { readonly set: string; readonly errno: number; readonly masks: readonly (readonly [string, string])[] }[]
  readonly impid?: readonly {
    readonly enable_after_vcpu_errno?: number
    readonly enable_errno: number
    readonly rows: readonly (readonly [string, string, number, string, string, number])[]
  }[]
  readonly idregs?: readonly { readonly set: string; readonly phase: 'pre' | 'post'; readonly regs: readonly RecordedIdRegister[] }[]
}

export interface NamedRecording {
  /** File name without `.json.gz`: `6.12.117-cortex-a72`. */
  readonly name: string
  /** Of the file as it is. */
  readonly sha256: string
  readonly recording: Recording
}

/** A recorded value of up to 64 bits; wider ones and failed reads are undefined. */
export function numeric(value: Value | null | undefined): bigint | undefined {
  return typeof value === 'string' && value.startsWith('0x') ? BigInt(value) : undefined
}

/** The bytes of a recorded value of a register of `size` bytes; undefined for a failed read (then the value is the errno). */
export function recordedBytes(value: Value, size: number): Uint8Array | undefined {
  if (typeof value === 'number') return undefined
  const out = new Uint8Array(size)
  if (value.startsWith('z')) return out
  if (value.startsWith('b')) {
    out.set(Buffer.from(value.slice(1), 'hex'))
    return out
  }
  for (let i = 0, rest = BigInt(value); rest !== 0n; i++, rest >>= 8n) out[i] = Number(rest & 0xffn)
  return out
}

export const setOf = (recording: Recording, name: string): RecordedSet | undefined => recording.regs.find(each => each.set === name && each.regs)
