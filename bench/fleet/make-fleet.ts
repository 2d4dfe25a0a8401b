// Owns a generated fleet: two-vCPU snapshots of a few hosts, each with its own general registers and counters, as archives and register lists in turn,
// spread over folders. Same number, same bytes but for the archives' compression.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { registerName } from '../../src/arch/catalogue/catalogue.ts'
import { writeArchive } from '../../src/formats/archive/write.ts'
import { reglistText } from '../../src/formats/importers/reglist/write.ts'
import { BytesSink } from '../../src/formats/output/sink.ts'
import { registerEntries, registerList } from '../../src/model/register-list.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { saveSnapshot } from '../../src/ops/save.ts'

export const SOURCES = ['linux-5.10', 'linux-6.1', 'linux-6.12', 'linux-7.3'] as const
const PER_FOLDER = 500

/** Writes `count` files below `folder`; returns their bytes altogether. */
export async function makeFleet(folder: string, count: number): Promise<number> {
  const guests = await Promise.all(SOURCES.map(async build => (await saveSnapshot({ build, vcpus: 2 })).snapshot))
  let bytes = 0
  for (let n = 0; n < count; n++) {
    const path = join(folder, `host-${String(Math.floor(n / PER_FOLDER)).padStart(3, '0')}`)
    if (n % PER_FOLDER === 0) mkdirSync(path)
    const guest = variant(guests[n % guests.length]!, n)
    const isList = n % 8 >= 4
    const content = isList ? Buffer.from(reglistText(guest).text) : await archiveOf(guest)
    writeFileSync(join(path, `vm-${String(n).padStart(6, '0')}.${isList ? 'json' : 'psnap'}`), content)
    bytes += content.length
  }
  return bytes
}

async function archiveOf(guest: Snapshot): Promise<Uint8Array> {
  const sink = new BytesSink()
  await writeArchive(guest, sink, {})
  return sink.bytes()
}

/** The guest elsewhere in its life: other general registers. No memory, as in what a fleet keeps for such questions. */
function variant({ machine: _, ...guest }: Snapshot, seed: number): Snapshot {
  const vcpus = guest.vcpus.map(vcpu => ({
    ...vcpu,
    registers: registerList(
      [...registerEntries(vcpu.registers)].map(([id, bytes]) => {
        if (!/^X\d+$/.test(registerName(id))) return [id, bytes] as const
        const other = new Uint8Array(bytes)
        new DataView(other.buffer).setUint32(0, Math.imul(seed + 1, 0x9e3779b1) ^ Number(id & 0xffffn), true)
        return [id, other] as const
      }),
    ),
  }))
  return { ...guest, vcpus, memory: [] }
}
