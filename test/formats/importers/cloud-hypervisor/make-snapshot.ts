// Owns making Cloud Hypervisor snapshot folders for tests, in every layout that releases wrote. Written from facts/vmm-formats.md §2, apart from the reader.

export interface Vcpu {
  readonly mpState?: number
  /** struct kvm_regs, 864 bytes. */
  readonly core?: Uint8Array
  readonly system: readonly (readonly [bigint, bigint])[]
  readonly early?: readonly (readonly [bigint, Uint8Array])[]
  readonly wide?: readonly (readonly [bigint, Uint8Array])[]
}
export type Layout = 'v24' | 'v28' | 'v29' | 'v39' | 'v46' | 'v53'
export interface Guest {
  readonly layout: Layout
  readonly vcpus: readonly Vcpu[]
  readonly gic?: { readonly dist: readonly number[]; readonly rdist: readonly number[]; readonly icc: readonly number[] }
  readonly memory?: readonly { readonly gpa: bigint; readonly bytes: Uint8Array }[]
  readonly clock?: string
  readonly hypervisor?: string
  readonly vcpuExtra?: string
}

/** Text whose big integers are exact. */
const json = (value: unknown): string => {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return `[${[...value].join(',')}]`
  if (Array.isArray(value)) return `[${value.map(json).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}:${json(item)}`)
      .join(',')}}`
  return JSON.stringify(value)
}
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A core with xN = N + 1 + seed·2^32, pc = 0xffff800008000000 + seed, vN = 2^120 + N. */
export function coreRegs(seed: number): Uint8Array {
  const bytes = Buffer.alloc(864)
  for (let n = 0; n < 31; n++) bytes.writeBigUInt64LE(BigInt(n + 1) + (BigInt(seed) << 32n), 8 * n)
  bytes.writeBigUInt64LE(0x1111n, 248)
  bytes.writeBigUInt64LE(0xffff_8000_0800_0000n + BigInt(seed), 256)
  bytes.writeBigUInt64LE(0x3c5n, 264)
  bytes.writeBigUInt64LE(0x2222n, 272)
  bytes.writeBigUInt64LE(0x3333n, 280)
  for (let n = 0; n < 5; n++) bytes.writeBigUInt64LE(BigInt(0x40 + n), 288 + 8 * n)
  for (let n = 0; n < 32; n++) {
    bytes.writeBigUInt64LE(BigInt(n), 336 + 16 * n)
    bytes.writeBigUInt64LE(1n << 56n, 344 + 16 * n)
  }
  bytes.writeUInt32LE(0x10, 848)
  bytes.writeUInt32LE(0x0100_0000, 852)
  return new Uint8Array(bytes)
}

function vcpuText(vcpu: Vcpu, guest: Guest): string {
  const core = Buffer.from(vcpu.core ?? coreRegs(0))
  const u64 = (offset: number): bigint => core.readBigUInt64LE(offset)
  const asStructs = ['v24', 'v28', 'v29'].includes(guest.layout)
  const state = asStructs
    ? {
        mp_state: { mp_state: vcpu.mpState ?? 0 },
        core_regs: {
          regs: { regs: Array.from({ length: 31 }, (_, n) => u64(8 * n)), sp: u64(248), pc: u64(256), pstate: u64(264) },
          sp_el1: u64(272),
          elr_el1: u64(280),
          spsr: Array.from({ length: 5 }, (_, n) => u64(288 + 8 * n)),
          __bindgen_padding_0: 0,
          fp_regs: {
            vregs: Array.from({ length: 32 }, (_, n) => u64(336 + 16 * n) | (u64(344 + 16 * n) << 64n)),
            fpsr: core.readUInt32LE(848),
            fpcr: core.readUInt32LE(852),
            __reserved: [0, 0],
          },
        },
        sys_regs: vcpu.system.map(([id, addr]) => ({ id, addr })),
        ...(guest.layout === 'v24' ? { mpidr: 0x8000_0000 } : {}),
      }
    : {
        mp_state: [vcpu.mpState ?? 0, 0, 0, 0],
        core_regs: new Uint8Array(core),
        sys_regs: vcpu.system.map(pair => new Uint8Array(new BigUint64Array(pair).buffer)),
        ...(guest.layout === 'v53'
          ? {
              pre_finalize_regs: (vcpu.early ?? []).map(([id, data]) => ({ id, data })),
              extended_regs: (vcpu.wide ?? []).map(([id, data]) => ({ id, data })),
            }
          : {}),
      }
  const text = json(state).replace(/\}$/, `${guest.vcpuExtra ?? ''}}`)
  return guest.layout === 'v24' ? text : `{${JSON.stringify(guest.hypervisor ?? 'Kvm')}:${text}}`
}

function node(guest: Guest, id: string, children: readonly string[], content?: string | Uint8Array): string {
  const text = typeof content === 'string' ? content : undefined
  const bytes = content === undefined ? undefined : typeof content === 'string' ? utf8(content) : content
  const body = `"snapshots":{${children.join(',')}}`
  switch (guest.layout) {
    case 'v24':
    case 'v28': {
      const data = bytes === undefined ? '{}' : `{"${id}-section":{"id":"${id}-section","snapshot":${json(bytes)}}}`
      return `{"id":"${id}",${body},"snapshot_data":${data}}`
    }
    case 'v29':
      return `{${body},"snapshot_data":${bytes === undefined ? 'null' : json(bytes)}}`
    default:
      return `{${body},"snapshot_data":${text === undefined ? 'null' : `{"state":${JSON.stringify(text)}}`}}`
  }
}

/** The struct that v25 to v38 packed. */
function packedMemory(memory: NonNullable<Guest['memory']>): Uint8Array {
  const parts: Buffer[] = []
  const u64 = (value: bigint | number): unknown => parts.push(Buffer.from(new BigUint64Array([BigInt(value)]).buffer))
  const u32 = (value: number): unknown => parts.push(Buffer.from(new Uint32Array([value]).buffer))
  u64(memory.length)
  for (const { gpa, bytes } of memory) [gpa, bytes.length].map(u64)
  u64(memory.length)
  memory.forEach(({ gpa, bytes }, i) => {
    u32(i)
    u64(gpa)
    u64(bytes.length)
    u64(4)
    parts.push(Buffer.from(`mem${i}`), Buffer.of(0))
    u64(0)
  })
  for (const value of [0x40_0000_0000n, 1, 2]) u64(value)
  u64(1)
  u64(0x4000_0000)
  u64(4096)
  u32(0)
  u64(1)
  u64(1)
  u64(2)
  parts.push(Buffer.of(1, 0, 0))
  u32(1)
  u64(0)
  u64(0)
  return new Uint8Array(Buffer.concat(parts))
}

/** The files of the folder. */
export function makeSnapshot(guest: Guest): Record<string, Uint8Array> {
  const key = (index: number): string => (guest.layout === 'v24' || guest.layout === 'v28' ? String(index).padStart(3, '0') : String(index))
  // A map with texts as keys, in their order: 0, 1, 10, 11, 2 …
  const order = guest.vcpus.map((_, index) => key(index)).sort()
  const vcpus = order.map(name => `"${name}":${node(guest, name, [], vcpuText(guest.vcpus[Number(name)] as Vcpu, guest))}`)
  const wrapped = guest.layout === 'v46' || guest.layout === 'v53'
  const its = {
    gicd_ctlr: 0x53,
    its_ctlr: 1,
    its_iidr: 0x43b,
    its_cbaser: 0xb800_0001_0040_050fn,
    its_cwriter: 0x20,
    its_creadr: 0x20,
    its_baser: [1, 2, 3, 4, 5, 6, 7, 8],
  }
  const gic = guest.gic && json(wrapped ? { Kvm: { ...guest.gic, ...its } } : { ...guest.gic, ...its })
  const ranges = (guest.memory ?? []).map(({ gpa, bytes }) => ({ gpa, length: bytes.length }))
  const mappings = (guest.memory ?? []).map(({ gpa, bytes }, i) => ({
    slot: i,
    gpa,
    size: bytes.length,
    zone_id: `mem${i}`,
    virtio_mem: false,
    file_offset: 0,
  }))
  const packed = guest.layout === 'v24' || guest.layout === 'v28' || guest.layout === 'v29'
  const memory = packed
    ? packedMemory(guest.memory ?? [])
    : json({ memory_ranges: { data: ranges }, guest_ram_mappings: mappings, start_of_device_area: 0x40_0000_0000n })
  const clock = guest.clock === undefined ? '{}' : `{"clock":${guest.clock}}`
  const children = [
    `"cpu-manager":${node(guest, 'cpu-manager', vcpus)}`,
    `"device-manager":${node(guest, 'device-manager', gic === undefined ? [] : [`"gic-v3-its":${node(guest, 'gic-v3-its', [], gic)}`], '{"device_tree":{},"device_id_cnt":3}')}`,
    ...(guest.memory ? [`"memory-manager":${node(guest, 'memory-manager', [], memory)}`] : []),
  ]
  return {
    'state.json': utf8(node(guest, 'vm', children, clock)),
    'config.json': utf8(json({ cpus: { boot_vcpus: guest.vcpus.length, max_vcpus: guest.vcpus.length } })),
    ...(guest.memory ? { 'memory-ranges': new Uint8Array(Buffer.concat(guest.memory.map(({ bytes }) => bytes))) } : {}),
  }
}
