// Owns making never-run guests of built-in hosts, as a snapshot and as files of VMMs, for tests of migrations.
import type { Feature } from '../../../src/arch/features.ts'
import { COPROC, type RegId, regBytes, regCoproc } from '../../../src/arch/reg-id.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { RELEASES } from '../../../src/formats/importers/firecracker/releases.ts'
import { bytesToBigint, registerEntries, registerList } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { targetVcpu } from '../../../src/ops/migrate/target-vcpu.ts'
import { makeSnapshot } from '../../formats/importers/cloud-hypervisor/make-snapshot.ts'
import { gicV3, makeVmstate } from '../../formats/importers/firecracker/make-vmstate.ts'

export const PSCI_02: readonly Feature[] = ['psci_0_2']

export async function freshGuest(name: string, features = PSCI_02, vcpus = 1): Promise<Snapshot> {
  const build = loadBuild(name)
  const blank = Array.from({ length: vcpus }, (_, index) => ({ index, registers: registerList([]), mpState: 'runnable' as const, features }))
  const empty: Snapshot = { origin: { build: build.name }, gic: 'v3', stop: 'running', vm: {}, vcpus: blank, devices: [], memory: [] }
  const vcpu = await targetVcpu(build, empty, features)
  if (!vcpu) throw new Error(`${name} makes no vCPU with ${features.join(' ')}`)
  return { ...empty, vcpus: blank.map(each => ({ ...each, registers: vcpu.list })) }
}

const pairs = ({ vcpus }: Snapshot): (readonly [bigint, bigint])[][] =>
  vcpus.map(({ registers }) => [...registerEntries(registers)].map(([id, bytes]) => [id as bigint, bytesToBigint(bytes)] as const))

/** As Firecracker v1.16 saves it; its files name no host. */
export function firecrackerFile(guest: Snapshot): Uint8Array {
  const release = RELEASES.find(({ version }) => version === '10.0.0')!
  return makeVmstate(release, { vcpus: pairs(guest), features: 1 << 2, gic: gicV3(guest.vcpus.length), devices: new Uint8Array(16).fill(3) })
}

/** state.json as Cloud Hypervisor v53 saves it. */
export function cloudHypervisorFile(guest: Snapshot): Uint8Array {
  const isListed = ([id]: readonly [bigint, bigint]): boolean => regCoproc(id as RegId) !== COPROC.core && regBytes(id as RegId) <= 8
  const files = makeSnapshot({ layout: 'v53', vcpus: pairs(guest).map(all => ({ system: all.filter(isListed) })) })
  return files['state.json']!
}
