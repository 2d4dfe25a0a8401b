// Owns random snapshots for property tests, and the comparison of two snapshots with their memory.
import fc from 'fast-check'
import { FEATURES } from '../../src/arch/features.ts'
import { type RegId, regBytes, regId } from '../../src/arch/reg-id.ts'
import { bytesRegion } from '../../src/model/memory.ts'
import { registerList } from '../../src/model/register-list.ts'
import type { DeviceSnapshot, MemoryRegion, Snapshot, VcpuSnapshot, VmState } from '../../src/model/snapshot.ts'

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const bytes = (max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: max })
const defined = <T extends object>(value: T): T => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T

/** Any id that begins as arm64 ids do, of up to 256 bytes: known, unknown, of classes that do not exist yet. */
const anyId: fc.Arbitrary<RegId> = fc
  .tuple(fc.integer({ min: 0, max: 8 }), fc.bigInt({ min: 0n, max: (1n << 52n) - 1n }))
  .map(([size, rest]) => regId((0x60n << 56n) | (BigInt(size) << 52n) | rest))
const anyRegister = anyId.chain(id => fc.uint8Array({ minLength: regBytes(id), maxLength: regBytes(id) }).map(value => [id, value] as const))

export const anyVcpu = (index: number): fc.Arbitrary<VcpuSnapshot> =>
  fc
    .record({
      registers: fc.array(anyRegister, { maxLength: 12 }).map(registerList),
      mpState: fc.constantFrom('runnable', 'stopped', 'suspended'),
      events: fc.option(fc.record({ serrorPending: fc.boolean(), serrorHasEsr: fc.boolean(), serrorEsr: u64, extDabtPending: fc.boolean() }), {
        nil: undefined,
      }),
      features: fc.option(fc.subarray([...FEATURES]), { nil: undefined }),
    })
    .map(vcpu => defined({ index, ...vcpu }) as VcpuSnapshot)

const anyVm = fc
  .record({
    systemSuspend: fc.option(fc.boolean(), { nil: undefined }),
    writableImpIdRegs: fc.option(fc.boolean(), { nil: undefined }),
    smcccFilter: fc.option(
      fc.array(fc.record({ base: fc.nat(2 ** 32 - 1), count: fc.nat(2 ** 32 - 1), action: fc.constantFrom('handle', 'deny', 'forward') }), { maxLength: 3 }),
      { nil: undefined },
    ),
    counterOffset: fc.option(u64, { nil: undefined }),
    counterFrequency: fc.option(fc.nat(10 ** 10), { nil: undefined }),
    ipaBits: fc.option(fc.integer({ min: 32, max: 52 }), { nil: undefined }),
    stopArguments: fc.option(fc.array(u64, { maxLength: 4 }), { nil: undefined }),
  })
  .map(vm => defined(vm) as VmState)

/** What a device may save: JSON-like, with 64-bit integers and bytes. */
const anyState = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true }).map(x => (Object.is(x, -0) ? 0 : x)),
    fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n }),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    bytes(40),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.string({ maxLength: 8 }).filter(key => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value

/** Names that may stand in a path, and others: of a PCI device, empty, twice the same, not ASCII. */
const anyName = fc.oneof(
  fc.constantFrom('pl011', 'gic', 'ram', '0000:00:02.0/virtio-net', '', '..', 'Gerät', 'x'.repeat(200)),
  fc.string({ maxLength: 12, unit: 'grapheme' }),
)

const anyDevice: fc.Arbitrary<DeviceSnapshot> = fc.record({ name: anyName, kind: fc.string({ maxLength: 6 }), state: anyState })

/** Regions of up to a bit over two chunks, mostly zero. */
const anyRegion: fc.Arbitrary<MemoryRegion> = fc
  .record({
    name: anyName,
    start: fc.bigInt({ min: 0n, max: 1n << 48n }),
    size: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(1 << 20, (1 << 20) + 1, 3 << 20)),
    writes: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999 }), fc.uint8Array({ minLength: 1, maxLength: 64 })), { maxLength: 4 }),
  })
  .map(({ name, start, size, writes }) => {
    const memory = new Uint8Array(size)
    for (const [where, data] of writes) {
      const at = Math.floor(where * size)
      memory.set(data.subarray(0, size - at), at)
    }
    return bytesRegion(name, start, memory)
  })

export const anySnapshot: fc.Arbitrary<Snapshot> = fc
  .record({
    origin: fc
      .record({
        build: fc.option(fc.string(), { nil: undefined }),
        kernel: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
        tool: fc.option(fc.string(), { nil: undefined }),
      })
      .map(defined),
    gic: fc.constantFrom('none', 'v2', 'v3'),
    stop: fc.constantFrom('running', 'off', 'reset', 'hibernated', 'suspended'),
    vm: anyVm,
    vcpus: fc.uniqueArray(fc.nat(70), { maxLength: 3 }).chain(indices => fc.tuple(...indices.map(anyVcpu))),
    devices: fc.array(anyDevice, { maxLength: 3 }),
    memory: fc.array(anyRegion, { maxLength: 2 }),
    machine: fc.option(fc.record({ version: fc.nat(9), state: anyState }), { nil: undefined }),
    unknown: fc.option(
      fc.uniqueArray(
        fc.oneof(
          fc.record({ name: fc.constantFrom('extra.bin', 'future/thing', 'notes/a.zst'), bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }) }),
          fc.record({ name: fc.constantFrom('qemu:section 7/audio', '../../etc/passwd', 'a b'), bytes: bytes(30) }),
        ),
        { minLength: 1, maxLength: 4, selector: item => item.name },
      ),
      { nil: undefined },
    ),
  })
  .map(snapshot => defined(snapshot) as Snapshot)

/** A snapshot with its memory read, in a form that compares: unknown items sorted, for their order means nothing. */
export async function comparable(snapshot: Snapshot): Promise<unknown> {
  const memory = await Promise.all(
    snapshot.memory.map(async ({ name, start, size, chunks }) => {
      const content = new Uint8Array(size)
      for await (const { offset, data } of chunks()) content.set(data, offset)
      return { name, start, size, content: Buffer.from(content).toString('base64') }
    }),
  )
  const unknown = [...(snapshot.unknown ?? [])]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, bytes: b }) => ({ name, hex: Buffer.from(b).toString('hex') }))
  return { ...snapshot, memory, unknown }
}
