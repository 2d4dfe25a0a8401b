// Owns making StratoVirt snapshot folders for tests. Written from facts/vmm-formats.md §4, apart from the reader: structs at the offsets given there.

export interface Cpu {
  readonly index: number
  readonly mpState?: number
  readonly registers: readonly (readonly [bigint, bigint])[]
  readonly pmu?: boolean
  readonly sve?: boolean
  readonly counter?: bigint
}
export interface Guest {
  readonly cpus: readonly Cpu[]
  readonly version?: number
  readonly arch?: string
  readonly ram?: readonly { readonly start: bigint; readonly bytes: Uint8Array }[]
  readonly gicVcpus?: number
}

const CPU_BYTES = 17376
const GIC_BYTES = 24 + 255 * 88 + 8 + 8 * 328 + 8 + 255 * 128
const ALIAS = { cpu: 0xf000_0000_0000_0001n, gic: 0xf000_0000_0000_0002n, its: 3n, rtc: 4n }

type FieldRow = readonly [name: string, offset: number, size: number]
const CPU_FIELDS: readonly FieldRow[] = [
  ['apic_id', 0, 4],
  ['mpidr', 8, 8],
  ['core_regs', 16, 864],
  ['cpu_events', 880, 64],
  ['mp_state', 944, 4],
  ['cpreg_len', 952, 8],
  ['cpreg_list', 960, 512 * 32],
  ['features', 17344, 3],
  ['vtimer_cnt', 17352, 8],
  ['vtimer_cnt_valid', 17360, 1],
]
const GIC_FIELDS: readonly FieldRow[] = [
  ['redist_typer_l', 0, 4],
  ['redist_typer_h', 4, 4],
  ['gicd_ctlr', 8, 4],
  ['gicd_statusr', 12, 4],
  ['redist_len', 16, 8],
  ['vcpu_redist', 24, 255 * 88],
  ['dist_len', 24 + 255 * 88, 8],
  ['irq_dist', 32 + 255 * 88, 8 * 328],
  ['iccr_len', 32 + 255 * 88 + 8 * 328, 8],
  ['vcpu_iccr', 40 + 255 * 88 + 8 * 328, 255 * 128],
]
const ITS_FIELDS: readonly FieldRow[] = [
  ['ctlr', 0, 8],
  ['iidr', 8, 8],
  ['cbaser', 16, 8],
  ['cwriter', 24, 8],
  ['creadr', 32, 8],
  ['baser', 40, 64],
]

const description = (name: string, alias: bigint, size: number, fields: readonly FieldRow[]): string =>
  JSON.stringify({
    name,
    alias: 'ALIAS',
    size,
    current_version: 4096,
    compat_version: 4096,
    fields: fields.map(([var_name, offset, bytes]) => ({ var_name, type_name: 'x', alias: var_name, offset, size: bytes })),
  }).replace('"ALIAS"', String(alias))

function padded(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((8 + text.length) / 4096) * 4096)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(Buffer.from(text), 8)
  return bytes
}

const header = (format: string, desc_len: number, { version = 0x2002, arch = 'aarch640' }: Guest): Uint8Array =>
  padded(
    JSON.stringify({
      magic_num: [...Buffer.from('STRATOVIRT\0\0\0\0\0\0', 'latin1')],
      compat_version: version,
      arch: [...Buffer.from(arch)],
      byte_order: 'Little',
      hypervisor_version: 12,
      os_type: [...Buffer.from('linux000')],
      format,
      desc_len,
    }),
  )

function record(id: bigint, alias: bigint, bytes: Uint8Array): Uint8Array {
  const head = new Uint8Array(new BigUint64Array([id, alias, BigInt(bytes.length)]).buffer)
  return new Uint8Array(Buffer.concat([head, bytes]))
}

/** core: xN = N + 1 + index·2^32, pc = 0x40080000 + index, V0 = 7. */
function cpuBytes({ index, mpState = 0, registers, pmu, sve, counter }: Cpu): Uint8Array {
  const bytes = Buffer.alloc(CPU_BYTES)
  bytes.writeUInt32LE(index, 0)
  for (let n = 0; n < 31; n++) bytes.writeBigUInt64LE(BigInt(n + 1) + (BigInt(index) << 32n), 16 + 8 * n)
  bytes.writeBigUInt64LE(0x4008_0000n + BigInt(index), 16 + 256)
  bytes.writeUInt8(7, 16 + 336)
  bytes.writeUInt8(1, 880)
  bytes.writeUInt8(1, 881)
  bytes.writeBigUInt64LE(0xbe00_0011n, 888)
  bytes.writeUInt32LE(mpState, 944)
  bytes.writeBigUInt64LE(BigInt(registers.length), 952)
  registers.forEach(([id, value], i) => {
    bytes.writeBigUInt64LE(id, 960 + 32 * i)
    bytes.writeBigUInt64LE(value & 0xffff_ffff_ffff_ffffn, 960 + 32 * i + 16)
    bytes.writeBigUInt64LE(value >> 64n, 960 + 32 * i + 24)
  })
  bytes[17344] = pmu ? 1 : 0
  bytes[17345] = sve ? 1 : 0
  if (counter !== undefined) {
    bytes.writeBigUInt64LE(counter, 17352)
    bytes[17360] = 1
  }
  return new Uint8Array(bytes)
}

/** Words count up from 1 in each struct. */
function gicBytes(vcpus: number): Uint8Array {
  const bytes = Buffer.alloc(GIC_BYTES)
  const fill = (at: number, words: number, first: number): void => {
    for (let i = 0; i < words; i++) bytes.writeUInt32LE(first + i, at + 4 * i)
  }
  bytes.writeUInt32LE(0x37, 8)
  bytes.writeBigUInt64LE(BigInt(vcpus), 16)
  bytes.writeBigUInt64LE(1n, 24 + 255 * 88)
  bytes.writeBigUInt64LE(BigInt(vcpus), 32 + 255 * 88 + 8 * 328)
  const banks = 32 + 255 * 88
  bytes.writeBigUInt64LE(32n, banks)
  fill(banks + 8, 80, 1)
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const redist = 24 + 88 * vcpu
    bytes.writeBigUInt64LE(BigInt(vcpu), redist)
    fill(redist + 8, 20, 1000 * (vcpu + 1))
    const iccr = 40 + 255 * 88 + 8 * 328 + 128 * vcpu
    bytes.writeBigUInt64LE(BigInt(vcpu), iccr)
    for (let i = 0; i < 15; i++) bytes.writeBigUInt64LE(BigInt(i + 1), iccr + 8 + 8 * i)
  }
  return new Uint8Array(bytes)
}

export function makeSnapshot(guest: Guest): Record<string, Uint8Array> {
  const descriptions = Buffer.from(
    description('ArmCPUState', ALIAS.cpu, CPU_BYTES, CPU_FIELDS) +
      (guest.gicVcpus === undefined
        ? ''
        : description('GICv3State', ALIAS.gic, GIC_BYTES, GIC_FIELDS) + description('GICv3ItsState', ALIAS.its, 104, ITS_FIELDS)) +
      description('PL031State', ALIAS.rtc, 0, []),
  )
  const its = new Uint8Array(new BigUint64Array([1n, 2n, 3n, 4n, 5n, 10n, 11n, 12n, 13n, 14n, 15n, 16n, 17n]).buffer)
  const records = [
    record(9n, ALIAS.rtc, Buffer.from('{"tick":1}')),
    ...guest.cpus.map(cpu => record(100n + BigInt(cpu.index), ALIAS.cpu, cpuBytes(cpu))),
    ...(guest.gicVcpus === undefined ? [] : [record(7n, ALIAS.gic, gicBytes(guest.gicVcpus)), record(8n, ALIAS.its, its)]),
  ]
  const files: Record<string, Uint8Array> = {
    state: new Uint8Array(Buffer.concat([header('Device', descriptions.length, guest), descriptions, ...records])),
  }
  if (guest.ram) {
    let at = 0
    const ram = guest.ram.map(({ bytes }, i) => {
      const offset = at
      at += bytes.length
      return { name: `ram${i}`, offset, size: bytes.length }
    })
    const alias = guest.ram.map(({ start, bytes }, i) => ({ name: `pc_ram${i}`, alias_offset: ram[i]?.offset, offset: Number(start), size: bytes.length }))
    const map = padded(JSON.stringify({ total_region_size: at, ram_region_state: ram, alias_region_state: alias }))
    files.memory = new Uint8Array(Buffer.concat([header('MemoryFull', 4096, guest), map, ...guest.ram.map(({ bytes }) => bytes)]))
  }
  return files
}
