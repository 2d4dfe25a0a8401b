// Builds small QEMU streams from a description: what no sample has (XBZRLE, fills, other page sizes), and seeds for truncation and fuzzing.
import { deflateSync } from 'node:zlib'

export class Bytes {
  readonly #parts: Uint8Array[] = []
  #length = 0

  get length(): number {
    return this.#length
  }
  add(...parts: readonly (Uint8Array | readonly number[])[]): this {
    for (const part of parts) {
      this.#parts.push(Uint8Array.from(part))
      this.#length += part.length
    }
    return this
  }
  u8 = (...values: readonly number[]): this => this.add(values)
  u16 = (value: number): this => this.add([value >> 8, value & 255])
  u32 = (...values: readonly number[]): this => this.add(...values.map(value => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]))
  u64(...values: readonly (bigint | number)[]): this {
    for (const value of values) {
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)))
      this.add(bytes)
    }
    return this
  }
  text = (value: string): this => this.add(Buffer.from(value, 'latin1'))
  str8 = (value: string): this => this.u8(value.length).text(value)
  zeros = (count: number): this => this.add(new Uint8Array(count))
  bytes = (): Uint8Array => new Uint8Array(Buffer.concat(this.#parts))
}

export type PageSpec =
  | { readonly kind: 'plain'; readonly block: string; readonly page: number; readonly data: Uint8Array }
  | { readonly kind: 'deflated'; readonly block: string; readonly page: number; readonly data: Uint8Array }
  | { readonly kind: 'zero'; readonly block: string; readonly page: number; readonly fill?: number }
  | { readonly kind: 'xbzrle'; readonly block: string; readonly page: number; readonly delta: Uint8Array }

export interface StreamSpec {
  readonly machine?: string
  readonly pageBits?: number
  readonly capabilities?: readonly string[]
  readonly blocks?: readonly { readonly name: string; readonly size: number }[]
  /** Bodies of the ram section after the first; each list is one part. */
  readonly parts?: readonly (readonly PageSpec[])[]
  readonly registers?: readonly (readonly [bigint, bigint])[]
  readonly vcpus?: number
  /** A section that nobody knows, with or without a description. */
  readonly unknown?: Uint8Array
  readonly describe?: boolean
  readonly footers?: boolean
  readonly cpuTail?: Uint8Array
  readonly offCpu?: number
}

export const PSCI_1_1: readonly (readonly [bigint, bigint])[] = [
  [0x6030_0000_0013_c000n, 0x410f_d083n],
  [0x6030_0000_0014_0000n, 0x10001n],
]

/** A whole stream. Without a word: one vCPU, no GIC, two small RAM blocks, a description. */
export function makeStream(spec: StreamSpec = {}): Uint8Array {
  const { machine = 'virt-10.0', pageBits = 10, capabilities = [], describe = true, footers = true, vcpus = 1 } = spec
  const blocks = spec.blocks ?? [
    { name: 'mach-virt.ram', size: 8 << pageBits },
    { name: 'virt.flash0', size: 2 << pageBits },
  ]
  const out = new Bytes().text('QEVM').u32(3)
  out.u8(7).u32(machine.length).text(machine)
  out.u8(5).str8('configuration/target-page-bits').u32(1, pageBits)
  if (capabilities.length > 0) {
    out.u8(5).str8('configuration/capabilities').u32(1, capabilities.length)
    for (const name of capabilities) out.str8(name)
  }
  const footer = (id: number) => (footers ? out.u8(0x7e).u32(id) : out)
  out.u8(1).u32(2).str8('ram').u32(0, 4)
  out.u64(BigInt(blocks.reduce((sum, { size }) => sum + size, 0)) | 4n)
  for (const { name, size } of blocks) out.str8(name).u64(size)
  out.u64(0x10)
  footer(2)
  let last: string | undefined
  const parts = spec.parts ?? [
    [
      { kind: 'plain', block: 'mach-virt.ram', page: 1, data: new Uint8Array(1 << pageBits).fill(0xab) },
      { kind: 'zero', block: 'mach-virt.ram', page: 2 },
    ],
  ]
  parts.forEach((part, i) => {
    out.u8(i === parts.length - 1 ? 3 : 2).u32(2)
    for (const page of part) {
      const flag = { plain: 8, zero: 2, deflated: 0x100, xbzrle: 0x40 }[page.kind]
      out.u64(BigInt(page.page * 2 ** pageBits) | BigInt(flag | (page.block === last ? 0x20 : 0)))
      if (page.block !== last) out.str8(page.block)
      last = page.block
      if (page.kind === 'plain') out.add(page.data)
      else if (page.kind === 'zero') out.u8(page.fill ?? 0)
      else if (page.kind === 'deflated') {
        const packed = deflateSync(page.data)
        out.u32(packed.length).add(packed)
      } else out.u8(1).u16(page.delta.length).add(page.delta)
    }
    out.u64(0x10)
    footer(2)
  })
  const registers = spec.registers ?? PSCI_1_1
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    out
      .u8(4)
      .u32(10 + vcpu)
      .str8('cpu')
      .u32(vcpu, 22)
    out.add(cpuBody(registers, vcpu === spec.offCpu)).add(spec.cpuTail ?? [])
    footer(10 + vcpu)
  }
  if (spec.unknown) {
    out.u8(4).u32(50).str8('0000:00:01.0/thing').u32(0, 1).add(spec.unknown)
    footer(50)
  }
  out.u8(4).u32(60).str8('globalstate').u32(0, 1).u32(8).text('running\0').zeros(92)
  footer(60)
  out.u8(0)
  if (describe) {
    const json = JSON.stringify(description(registers.length, vcpus, spec.unknown?.length))
    out.u8(6).u32(json.length).text(json)
  }
  return out.bytes()
}

export interface MappedStream {
  /** Pieces of the file by offset; everything else is a hole. */
  readonly pieces: readonly { readonly offset: number; readonly bytes: Uint8Array }[]
  readonly size: number
}

/** A mapped-ram stream that begins at `base` of its file, with one block of `size` bytes and these pages of 4 KiB. */
export function makeMapped(size: number, pages: readonly { readonly page: number; readonly data: Uint8Array }[], base = 0): MappedStream {
  const whole = Buffer.from(makeStream({ pageBits: 12, capabilities: ['mapped-ram'], blocks: [{ name: 'mach-virt.ram', size }], parts: [[]] }))
  const list = whole.indexOf(Buffer.from('\x0dmach-virt.ram', 'latin1')) + 14 + 8
  const align = (value: number, to: number) => Math.ceil(value / to) * to
  const bitmapOffset = base + list + 28
  const bitmap = new Uint8Array(align(Math.ceil(size / 4096), 64) / 8)
  for (const { page } of pages) bitmap[page >> 3] = (bitmap[page >> 3] ?? 0) | (1 << (page & 7))
  const pagesOffset = align(bitmapOffset + bitmap.length, 1 << 20)
  const head = new Bytes().add(whole.subarray(0, list)).u32(1).u64(4096, bitmapOffset, pagesOffset).add(bitmap).bytes()
  const tail = whole.subarray(list)
  return {
    pieces: [
      { offset: base, bytes: head },
      ...pages.map(({ page, data }) => ({ offset: pagesOffset + page * 4096, bytes: data })),
      { offset: pagesOffset + size, bytes: tail },
    ],
    size: pagesOffset + size + tail.length,
  }
}

function cpuBody(registers: readonly (readonly [bigint, bigint])[], off: boolean): Uint8Array {
  const out = new Bytes().zeros(64)
  for (let n = 0; n < 32; n++) out.u64(0x100n + BigInt(n))
  out
    .u64(0x4020_0000)
    .u32(0x3c5, 0)
    .zeros(536 - 336)
  for (let n = 0; n < 4; n++) out.u64(0x200 + n)
  out.u32(registers.length)
  out.u64(...registers.map(([id]) => id)).u64(...registers.map(([, value]) => value))
  out
    .u64(-1)
    .zeros(24)
    .zeros(16)
    .u64(-1, -1)
    .u8(off ? 1 : 0)
  out.u8(5).str8('cpu/vfp').u32(3)
  for (let n = 0; n < 64; n++) out.u64(BigInt(n) << 32n)
  out.u32(0x41).zeros(56).u32(0x0800_0000)
  return out.bytes()
}

function description(registers: number, vcpus: number, unknown: number | undefined): unknown {
  const field = (name: string, type: string, size: number, more: object = {}) => ({ name, type, size, ...more })
  const cpu = [
    field('env.regs', 'uint32', 4, { array_len: 16 }),
    field('cpreg_vmstate_array_len', 'int32 le', 4),
    field('cpreg_vmstate_indexes', 'uint64', 8, { array_len: registers }),
    field('cpreg_vmstate_values', 'uint64', 8, { array_len: registers }),
  ]
  const device = (name: string, instance_id: number, version: number, fields: readonly object[]) => ({
    name,
    instance_id,
    vmsd_name: name.replace(/^[^/]*\//, ''),
    version,
    fields,
  })
  return {
    page_size: 1024,
    devices: [
      ...Array.from({ length: vcpus }, (_, i) => device('cpu', i, 22, cpu)),
      ...(unknown === undefined ? [] : [device('0000:00:01.0/thing', 0, 1, [field('size', 'uint32', 4), field('rest', 'buffer', unknown - 4)])]),
      device('globalstate', 0, 1, [field('size', 'uint32', 4), field('runstate', 'buffer', 100)]),
    ],
  }
}
