// Makes the files of the ten incidents: register lists of vCPUs that never ran on built-in builds, put into the formats of the VMMs that people had.
import type { Feature } from '../../src/arch/features.ts'
import { emulatorBackend } from '../../src/backends/emulator.ts'
import { loadBuild } from '../../src/builds/load.ts'
import { encodeBincode } from '../../src/formats/importers/firecracker/bincode.ts'
import { layoutShape } from '../../src/formats/importers/firecracker/layouts.ts'
import { RELEASES, type Release } from '../../src/formats/importers/firecracker/releases.ts'
import { bytesToBigint, type RegisterList, registerEntries } from '../../src/model/register-list.ts'
import type { Gic } from '../../src/model/snapshot.ts'
import { readAll } from '../../src/ops/replay.ts'
import { makeSnapshot } from '../formats/importers/cloud-hypervisor/make-snapshot.ts'
import { gicV3, headOf, makeVmstate, stateOf, withCrc } from '../formats/importers/firecracker/make-vmstate.ts'
import { makeStream } from '../formats/importers/qemu/make-stream.ts'

export const PSCI_VERSION = 0x6030_0000_0014_0000n
/** The id that QEMU's TCG sent by mistake: DBGDTRTX of the 32-bit architecture. */
const DBGDTRTX = 0x4020_0000_200e_0298n

type Pairs = readonly (readonly [bigint, bigint])[]

/** What a VMM saves of never-run vCPUs. */
export async function freshLists(
  build: string,
  options: { vcpus?: number; features?: readonly Feature[]; gic?: Gic; psci?: bigint } = {},
): Promise<RegisterList[]> {
  const { vcpus = 1, features = ['psci_0_2'], gic = 'v3' } = options
  const vm = await emulatorBackend(loadBuild(build)).createVm({ gic })
  const made = []
  for (let index = 0; index < vcpus; index++) made.push(await vm.createVcpu(index))
  for (const vcpu of made) {
    if ((await vcpu.init(features)) !== 0) throw new Error(`${build} refuses ${features.join(' ')}`)
    if (features.includes('sve')) await vcpu.finalizeSve()
  }
  await vm.finishSetup()
  const lists: RegisterList[] = []
  for (const vcpu of made) {
    if (options.psci !== undefined) await vcpu.setRegs(BigUint64Array.of(PSCI_VERSION), new Uint8Array(new BigUint64Array([options.psci]).buffer))
    lists.push(await readAll(vcpu))
  }
  return lists
}

export const pairsOf = (list: RegisterList): Pairs => [...registerEntries(list)].map(([id, bytes]) => [id, bytesToBigint(bytes)])
const coprocOf = (id: bigint): bigint => (id >> 16n) & 0xfffn
const ascending = (pairs: Pairs): Pairs => [...pairs].sort(([a], [b]) => (a < b ? -1 : 1))

/** A stream of a machine without a GIC section, so that only the register list is judged. QEMU keeps core and SVE registers elsewhere, and sorts. */
export async function qemuStream(build: string, psci: bigint | undefined, more: Pairs = []): Promise<Uint8Array> {
  const [list] = await freshLists(build, { gic: 'none', ...(psci === undefined ? {} : { psci }) })
  const registers = ascending([...pairsOf(list!).filter(([id]) => coprocOf(id) !== 0x10n && coprocOf(id) !== 0x15n), ...more])
  return makeStream({ registers })
}

export const bogusRegister: Pairs = [[DBGDTRTX, 0n]]

const release = (version: string): Release => {
  const found = RELEASES.find(row => row.releases.includes(version))
  if (!found) throw new Error(`no release ${version}`)
  return found
}

/** A Firecracker state file of `version` with the registers that a fresh vCPU of a build has. */
export async function vmstate(version: string, build: string): Promise<Uint8Array> {
  const lists = await freshLists(build, { vcpus: 2 })
  return makeVmstate(release(version), { vcpus: lists.map(pairsOf) })
}

const RAM = 0x8000_0000n
const VALID = 1n << 63n
const PAGES_OF_64K = 2n << 8n

/** The same with an ITS at work: its device table at RAM + 1 MiB, its collections behind it, its command queue at RAM + 1.5 MiB. */
export async function vmstateWithIts(build: string): Promise<Uint8Array> {
  const lists = await freshLists(build, { vcpus: 2 })
  const target = release('1.14.0')
  const memory = [{ baseAddress: RAM, size: 0x20_0000n }]
  const { dist, vcpus } = gicV3(2)
  // Redistributors: STATUSR, WAKER, PROPBASER, PENDBASER, CTLR … with LPIs still off.
  const quiet = vcpus.map(({ rdist, icc }) => ({ icc, rdist: rdist.map((words, i) => (i < 5 ? words.map(() => 0) : words)) }))
  const state = stateOf(target, { vcpus: lists.map(pairsOf), gic: { dist, vcpus: quiet }, memory })
  const baser = [RAM + 0x10_0000n, RAM + 0x11_0000n].map(address => VALID | PAGES_OF_64K | address)
  const its = {
    iidr: 0x43bn,
    cbaser: VALID | (RAM + 0x18_0000n),
    creadr: 0x40n,
    cwriter: 0x40n,
    baser: Object.fromEntries(Array.from({ length: 8 }, (_, i) => [String(i), baser[i] ?? 0n])),
    ctlr: 1n,
  }
  const withIts = { ...state, vm: { ...state.vm, gic: { ...state.vm.gic, its } } }
  return withCrc(Buffer.concat([headOf(target), encodeBincode(layoutShape(target.traits), withIts), new Uint8Array(40)]))
}

/** What a differential memory file holds: one page that the guest wrote since, and holes. */
export function diffMemory(): Uint8Array {
  const memory = new Uint8Array(0x20_0000)
  memory.fill(0x5a, 0x4000, 0x5000)
  return memory
}

/** struct kvm_regs from a register list; a list with SVE has no V registers, and they stay 0. */
function coreOf(list: RegisterList): Uint8Array {
  const core = new Uint8Array(864)
  for (const [id, bytes] of registerEntries(list)) if (coprocOf(id) === 0x10n) core.set(bytes, Number(id & 0xffffn) * 4)
  return core
}
const systemOf = (list: RegisterList): Pairs => pairsOf(list).filter(([id]) => coprocOf(id) !== 0x10n && coprocOf(id) !== 0x15n && id >> 52n !== 0x604n)

/** Folder of Cloud Hypervisor v46 to v52, by file name. */
export async function cloudHypervisor(build: string, options: { vcpus?: number; pendingTable?: number } = {}): Promise<Record<string, Uint8Array>> {
  const { vcpus = 1, pendingTable } = options
  const lists = await freshLists(build, { vcpus })
  const rd = [0, 0, 0x7801_010f, 0, pendingTable ?? 0, 0, 1]
  const sgi = Array.from({ length: 17 }, () => 0)
  const icc = [7, 4 << 8, 0, 1, 0xf8, 2, 3, 0, 0]
  return makeSnapshot({
    layout: 'v46',
    vcpus: lists.map(list => ({ core: coreOf(list), system: systemOf(list) })),
    gic: {
      dist: Array.from({ length: 1 + 81 * 2 }, () => 0),
      rdist: [...lists.flatMap(() => rd), ...lists.flatMap(() => sgi)],
      icc: lists.flatMap(() => icc),
    },
  })
}

/** A register list as text, in the open format of this project. */
export const reglist = (lists: readonly RegisterList[], features: readonly Feature[]): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({
      format: 'kvm-reglist',
      version: 1,
      gic: 'v3',
      vcpus: lists.map(list => ({
        features,
        registers: [...registerEntries(list)].map(([id, bytes]) => [
          `0x${id.toString(16).padStart(16, '0')}`,
          bytes.length > 8 ? `b${Buffer.from(bytes).toString('hex')}` : `0x${bytesToBigint(bytes).toString(16)}`,
        ]),
      })),
    }),
  )
