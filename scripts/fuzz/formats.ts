// Owns the list of what is fuzzed: for every format its seeds, its own ways to spoil them (past a checksum, say), and what must come out of it.
// To add one: a row. The runner fails when an importer of the registry has no seed here.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { openChunkCodec } from '../../src/formats/archive/chunk-codec.ts'
import { writeArchive } from '../../src/formats/archive/write.ts'
import { type Imported, type Importer, pickImporter } from '../../src/formats/importers/importer.ts'
import { recogniseFolder } from '../../src/formats/importers/open-input.ts'
import { IMPORTERS } from '../../src/formats/importers/registry.ts'
import { reglistText } from '../../src/formats/importers/reglist/write.ts'
import { BytesSink } from '../../src/formats/output/sink.ts'
import { bytesFolder } from '../../src/formats/source/bytes-folder.ts'
import { bytesSource } from '../../src/formats/source/source.ts'
import { unwrap } from '../../src/formats/source/unwrap.ts'
import { bytesRegion } from '../../src/model/memory.ts'
import { registerList } from '../../src/model/register-list.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { configSeeds, mutateConfig, mutateVmstate, vmstateSeeds } from './firecracker.ts'
import { folderSeeds, mutateFolder, packFiles, unpackFiles } from './folders.ts'
import { mutateJson } from './json.ts'
import { mutateQemu, qemuSeeds } from './qemu.ts'

/** What errors must name. */
export const FILE = 'fuzzed input'
/** Larger samples take too long a case. */
const MOST_SAMPLE_BYTES = 128 << 10

export interface FuzzFormat {
  readonly id: string
  /** Made by this project's own writers and builders. */
  seeds(): Promise<readonly Uint8Array[]> | readonly Uint8Array[]
  /** Samples of real VMMs, when they are there. */
  samples?(): readonly Uint8Array[]
  /** The format's own mutator; the same changes for the same number. */
  spoil?(seed: Uint8Array, random: number): Uint8Array
  /** How a change of bytes is applied: by default to all of them. `random` chooses a file of a folder. */
  apply?(seed: Uint8Array, random: number, change: (bytes: Uint8Array) => Uint8Array): Uint8Array
  /** Rejects as reading does. */
  read(bytes: Uint8Array): Promise<Imported>
  /**
   * Of a file that was only changed by general mutations and is read all the same: `same` when the format has checksums over everything, so that
   * nothing but the seed's value may come out; `cut` when only a cut must not change it; absent when a cut may (a reason is given there).
   */
  readonly golden?: 'same' | 'cut'
}

const source = (bytes: Uint8Array) => bytesSource(bytes, FILE)
const importer = (id: string): Importer => {
  const found = IMPORTERS.find(each => each.id === id)
  if (!found) throw new Error(`there is no importer ${id}`)
  return found
}

const SHARED = fileURLToPath(new URL('../../../shared/samples/', import.meta.url))
export const samplesAbsent = existsSync(SHARED) ? undefined : 'there is no ../shared/samples'
const filesIn = (path: string): readonly Uint8Array[] =>
  !existsSync(SHARED + path)
    ? []
    : readdirSync(SHARED + path, { withFileTypes: true })
        .filter(entry => entry.isFile() && /\.(vmstate|json)$/.test(entry.name))
        .map(entry => new Uint8Array(readFileSync(`${SHARED}${path}/${entry.name}`)))
        .filter(({ length }) => length <= MOST_SAMPLE_BYTES)

/** Every folder below `path` that holds files, packed. */
function foldersIn(path: string): readonly Uint8Array[] {
  if (!existsSync(SHARED + path)) return []
  return readdirSync(SHARED + path, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => {
      const root = join(SHARED, path, name)
      const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(file => statSync(join(root, file)).isFile())
      return packFiles(Object.fromEntries(files.map(file => [file, new Uint8Array(readFileSync(join(root, file)))])))
    })
    .filter(({ length }) => length <= MOST_SAMPLE_BYTES)
}

/** Two small vCPUs, memory with a hole, a device, what nobody understands. */
const guest = (): Snapshot => {
  const registers = [
    [0x6030_0000_0014_0000n, 0x10001n],
    [0x6030_0000_0010_0040n, 0x4008_0000n],
    [0x6030_0000_0013_c000n, 0x410fd083n],
    [0x6020_0000_0010_00d4n, 0n],
    [0x6040_0000_0010_0054n, new Uint8Array(16).fill(9)],
    [0x6030_0000_0013_c708n, 1n],
  ] as const
  const memory = new Uint8Array(3 << 12).fill(5, 100, 5000)
  return {
    origin: { build: 'linux-6.1.192/cortex-a72', tool: 'fuzz' },
    gic: 'v3',
    stop: 'suspended',
    vm: { systemSuspend: true, counterFrequency: 62_500_000, smcccFilter: [{ base: 0x8400_0000, count: 2, action: 'deny' }], stopArguments: [1n, 2n] },
    vcpus: [0, 1].map(index => ({
      index,
      registers: registerList(registers as unknown as Parameters<typeof registerList>[0]),
      mpState: index === 0 ? 'runnable' : 'suspended',
      features: ['psci_0_2'],
      events: { serrorPending: true, serrorHasEsr: false, serrorEsr: 0n, extDabtPending: false },
    })),
    devices: [{ name: 'uart', kind: 'pl011', state: { fr: 0x90n, fifo: new Uint8Array(8), flags: [true, null, 1.5, 'x'] } }],
    memory: [bytesRegion('ram', 0x4000_0000n, memory)],
    machine: { version: 1, state: { time: 7 } },
    unknown: [{ name: 'future/thing', bytes: Uint8Array.of(1, 2, 3) }],
  }
}

async function psnapSeeds(): Promise<readonly Uint8Array[]> {
  const snapshots = [guest(), { ...guest(), memory: [], devices: [], unknown: [], vm: {} }]
  return Promise.all(
    snapshots.map(async snapshot => {
      const sink = new BytesSink()
      await writeArchive(snapshot, sink)
      return sink.bytes()
    }),
  )
}

function reglistSeeds(): readonly Uint8Array[] {
  const { text } = reglistText(guest())
  const odd = `\ufeff{ "vcpus" : [ {"note":"ours","registers":[ ["0x6030000000140000",\t"0x00010001"]\n ] } ],"cpu":"\\u00e9","gic":"v2","kernel":"6.1", "format":"kvm-reglist","version":1, "later": [1.50, {"x":[]}] }`
  return [text, odd].map(each => new TextEncoder().encode(each))
}

async function wrappedSeeds(): Promise<readonly Uint8Array[]> {
  const inner = [...reglistSeeds(), ...(await psnapSeeds()), ...qemuSeeds().slice(0, 1)]
  const codec = await openChunkCodec({ bytes: 0 })
  try {
    const zstd = []
    for (const bytes of inner) zstd.push(new Uint8Array((await codec.compress(new Uint8Array(bytes))).frame))
    return [...inner.map(bytes => new Uint8Array(gzipSync(bytes))), ...zstd]
  } finally {
    await codec.close()
  }
}

const folderFormat = (id: string, path: string): FuzzFormat => ({
  id,
  seeds: async () => {
    const own: Uint8Array[] = []
    for (const seed of folderSeeds()) if ((await recogniseFolder(bytesFolder(unpackFiles(seed)), IMPORTERS)).importer.id === id) own.push(seed)
    return own
  },
  samples: () => foldersIn(path),
  spoil: mutateFolder,
  apply(seed, random, change) {
    const files = unpackFiles(seed)
    const paths = Object.keys(files)
    const chosen = paths[random % paths.length] ?? ''
    return packFiles({ ...files, [chosen]: change(files[chosen] ?? new Uint8Array()) })
  },
  async read(bytes) {
    const { source: member, importer: own } = await recogniseFolder(bytesFolder(unpackFiles(bytes), FILE), IMPORTERS)
    return own.read(member)
  },
  golden: 'cut',
})

export const FORMATS: readonly FuzzFormat[] = [
  { id: 'psnap', seeds: psnapSeeds, read: bytes => importer('psnap').read(source(bytes)), golden: 'same' },
  { id: 'kvm-reglist', seeds: reglistSeeds, spoil: mutateJson, read: bytes => importer('kvm-reglist').read(source(bytes)), golden: 'cut' },
  // Behind its end mark a stream has a description, which is used when it is there: a cut takes names of devices away and nothing else.
  { id: 'qemu', seeds: qemuSeeds, spoil: mutateQemu, read: bytes => importer('qemu').read(source(bytes)) },
  {
    id: 'firecracker-vmstate',
    seeds: vmstateSeeds,
    samples: () => filesIn('firecracker/vmstates'),
    spoil: mutateVmstate,
    read: bytes => importer('firecracker-vmstate').read(source(bytes)),
    golden: 'same',
  },
  {
    id: 'firecracker-fingerprint',
    seeds: () => configSeeds().slice(0, 1),
    samples: () => filesIn('firecracker/fingerprints').filter(bytes => importer('firecracker-fingerprint').sniff(bytes.subarray(0, 4096))),
    spoil: (seed, random) => (random % 2 === 0 ? mutateConfig : mutateJson)(seed, random),
    read: bytes => importer('firecracker-fingerprint').read(source(bytes)),
    golden: 'cut',
  },
  {
    id: 'firecracker-cpu-template',
    seeds: () => configSeeds().slice(1),
    samples: () => filesIn('firecracker/fingerprints').filter(bytes => importer('firecracker-cpu-template').sniff(bytes.subarray(0, 4096))),
    spoil: (seed, random) => (random % 2 === 0 ? mutateConfig : mutateJson)(seed, random),
    read: bytes => importer('firecracker-cpu-template').read(source(bytes)),
    golden: 'cut',
  },
  folderFormat('cloud-hypervisor', 'cloud-hypervisor'),
  folderFormat('crosvm', 'crosvm'),
  folderFormat('stratovirt', 'stratovirt'),
  {
    id: 'compressed',
    seeds: wrappedSeeds,
    async read(bytes) {
      const inner = await unwrap(source(bytes))
      return (await pickImporter(inner, IMPORTERS)).read(inner)
    },
  },
]
