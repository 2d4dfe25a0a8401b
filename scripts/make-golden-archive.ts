// Owns the making of the golden archive of the newest schema: `npx tsx scripts/make-golden-archive.ts`. A golden archive is made once, when a
// schema version is released, and never again: it must load for ever. The snapshot is synthetic: every field of the schema, with values that differ.
import { writeFileSync } from 'node:fs'
import { FEATURES } from '../src/arch/features.ts'
import { regId } from '../src/arch/reg-id.ts'
import { writeArchive } from '../src/formats/archive/write.ts'
import { BytesSink } from '../src/formats/output/sink.ts'
import { SCHEMA_VERSION } from '../src/formats/schema/history.ts'
import { bytesRegion } from '../src/model/memory.ts'
import { registerList } from '../src/model/register-list.ts'
import type { Snapshot } from '../src/model/snapshot.ts'

const memory = new Uint8Array((3 << 20) + 100)
memory.set(
  Uint8Array.from({ length: 300 }, (_, i) => i),
  0x1000,
)
memory.set([1, 2, 3], 3 << 20)

const golden: Snapshot = {
  origin: { build: 'linux-6.1.176/cortex-a72', kernel: '6.1.0-53-arm64', cpu: 'cortex-a72', vmm: 'none', tool: 'golden' },
  gic: 'v3',
  stop: 'hibernated',
  vm: {
    systemSuspend: true,
    writableImpIdRegs: false,
    smcccFilter: [{ base: 0x8400_0000, count: 32, action: 'handle' }],
    counterOffset: 0xffff_ffff_ffff_fff0n,
    counterFrequency: 62_500_000,
    ipaBits: 40,
    stopArguments: [0x8400_0015n, 1n],
  },
  vcpus: [
    {
      index: 0,
      mpState: 'runnable',
      features: [...FEATURES],
      events: { serrorPending: true, serrorHasEsr: true, serrorEsr: 0x1ffn, extDabtPending: false },
      registers: registerList([
        [regId(0x6030_0000_0010_0040n), 0xffff_8000_0801_0000n],
        [regId(0x6040_0000_0010_0058n), Uint8Array.from({ length: 16 }, (_, i) => i)],
        [regId(0x6020_0000_0011_0000n), 0x0a20_0023n],
        [regId(0x6030_0000_0014_0000n), 0x1_0001n],
        [regId(0x6080_0000_0015_0000n), Uint8Array.from({ length: 256 }, (_, i) => 255 - i)],
        [regId(0x6030_0000_00ff_1234n), 0xdead_beefn],
      ]),
    },
    { index: 2, mpState: 'suspended', features: [], registers: registerList([[regId(0x6030_0000_0014_0000n), 0x1_0000n]]) },
    { index: 3, mpState: 'stopped', registers: registerList([]) },
  ],
  devices: [
    { name: 'pl011', kind: 'pl011', state: { control: 0x301, fifo: new Uint8Array([104, 105]), baud: 115_200.5, since: 5n, line: null, on: true } },
    { name: '0000:00:02.0/virtio', kind: 'virtio-net', state: ['ü', [], {}] },
  ],
  memory: [bytesRegion('ram', 0x4000_0000n, memory), bytesRegion('empty', 0x8000_0000n, new Uint8Array(4096))],
  machine: { version: 1, state: { instructions: 123_456_789_012n } },
  unknown: [
    { name: 'future/thing.bin', bytes: new Uint8Array([1, 2, 3]) },
    { name: 'qemu section 7: audio', bytes: new Uint8Array([4, 5]) },
    { name: 'vm.msgpack#/vm/later', bytes: new Uint8Array([0xcc, 200]) },
  ],
}

const sink = new BytesSink()
await writeArchive(golden, sink, { tool: 'psci-snap 0.1.0' })
const folder = `test/data/archive-v${SCHEMA_VERSION}`
writeFileSync(`${folder}/input.psnap`, sink.bytes(), { flag: 'wx' })
