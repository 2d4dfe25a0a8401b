// Owns making crosvm snapshot folders for tests, in CBOR and in JSON. Written from facts/vmm-formats.md §3, apart from the reader.
import type { Data } from '../../../../src/formats/data/plain-data.ts'
import { encodeCbor } from '../../data/encode-cbor.ts'

export interface Vcpu {
  readonly mpidr: bigint
  readonly mpState?: string
  readonly sys?: readonly (readonly [number, bigint])[]
  readonly firmware?: readonly (readonly [number, bigint])[]
}
export interface Guest {
  readonly encoding: 'cbor' | 'json'
  readonly vcpus: readonly Vcpu[]
  /** Ranges of one region at 2 GiB of 4 MiB. */
  readonly ranges?: readonly { readonly start: number; readonly end: number }[]
  readonly mem?: Uint8Array
  readonly compressed?: boolean
  /** How much of each redistributor's frames there is; crosvm writes 0x20000. */
  readonly redistBytes?: number
  readonly devices?: Readonly<Record<string, Data>>
}

const map = (entries: Readonly<Record<string, Data>>): Data => new Map(Object.entries(entries))

/** serde_json: integers in full, keys as texts. */
function encodeJson(data: Data): string {
  if (typeof data === 'bigint') return String(data)
  if (data instanceof Map) return `{${[...(data as ReadonlyMap<string | number, Data>)].map(([key, value]) => `"${key}":${encodeJson(value)}`).join(',')}}`
  if (Array.isArray(data)) return `[${data.map(encodeJson).join(',')}]`
  return JSON.stringify(data)
}

const affinity = (mpidr: bigint): bigint => ((mpidr & 0xff_ffffn) | ((mpidr >> 8n) & 0xff00_0000n)) << 32n

/** xN = N + 1 + index·2^40, pc = 0xffff800000000000 + index, vN = 2^100·N. */
export function makeSnapshot(guest: Guest): Record<string, Uint8Array> {
  const encode = (data: Data): Uint8Array => (guest.encoding === 'cbor' ? encodeCbor(data) : new TextEncoder().encode(encodeJson(data)))
  const files: Record<string, Uint8Array> = {}
  guest.vcpus.forEach(({ mpidr, sys = [], firmware = [[0, 0x10003n]] }, index) => {
    files[`vcpu/vcpu${index}`] = encode(
      map({
        vcpu_id: index,
        sp: 0xaaan,
        pc: 0xffff_8000_0000_0000n + BigInt(index),
        pstate: 0x3c5,
        x: Array.from({ length: 31 }, (_, n) => BigInt(n + 1) + (BigInt(index) << 40n)),
        v: Array.from({ length: 32 }, (_, n) => BigInt(n) << 100n),
        sys: new Map([...sys, [0xc005, mpidr] as const].sort(([a], [b]) => a - b)),
        cache_arch_info: new Map([
          [0, 0x701fe01an],
          [1, 0x201fe01an],
        ]),
        hypervisor_data: map({ firmware_regs: new Map(firmware) }),
      }),
    )
  })
  const redist = (index: number): Data =>
    Array.from({ length: (guest.redistBytes ?? 0x10088) / 4 }, (_, word) => (word === 0x14 / 4 ? 1 : word === 0x10080 / 4 ? 0xffff_ffff - index : 0))
  const cpus = guest.vcpus.map(({ mpidr, mpState = 'Runnable' }, index): [bigint, Data] => [
    affinity(mpidr),
    map({
      cpu_sys_regs: new Map([
        [0xc230, 0xf0n],
        [0xc664, 0x400n],
      ]),
      redist_regs: redist(index),
      mp_state: mpState,
    }),
  ])
  files.irqchip = encode(map({ cpu_specific: new Map(cpus.sort(([a], [b]) => (a < b ? -1 : 1))), dist_regs: [0x37, 0, 0, 0, 5] }))
  files.pvclock = encode(null)
  const ranges = guest.ranges ?? []
  files.mem_metadata = encode(
    map({
      regions: [map({ guest_base: 0x8000_0000n, size: 4 << 20, data_ranges: ranges.map(({ start, end }) => map({ start, end })) })],
      compressed: guest.compressed ?? false,
    }),
  )
  files.mem = guest.mem ?? Uint8Array.from({ length: ranges.reduce((sum, { start, end }) => sum + end - start, 0) }, (_, i) => (i * 3 + 1) & 0xff)
  for (const [name, data] of Object.entries(guest.devices ?? {})) files[name] = encode(data)
  return files
}
