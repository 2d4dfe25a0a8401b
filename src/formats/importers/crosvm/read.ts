// Owns the reading of crosvm snapshot folders: mem_metadata, mem, irqchip, pvclock, vcpu/, bus0/ … as written since 2024-07, in CBOR or JSON.
// The files hold no version.
import { showRegId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import type { GicState } from '../../../model/gic.ts'
import { registerValue } from '../../../model/register-list.ts'
import type { DeviceSnapshot, Snapshot, VcpuSnapshot } from '../../../model/snapshot.ts'
import { toPlain } from '../../data/fields.ts'
import type { Folder } from '../../source/folder.ts'
import type { Source } from '../../source/source.ts'
import type { Imported } from '../importer.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { type Encoding, encodingOf, readFragment } from './fragment.ts'
import { type Irqchip, readIrqchip } from './irqchip.ts'
import { MEMORY_FILE, readMemory } from './memory.ts'
import { type ReadVcpu, readVcpu } from './vcpu.ts'

export const METADATA_FILE = 'mem_metadata'
const MPIDR = 0x6030_0000_0013_c005n

/** Throws INPUT_CORRUPT, CANNOT_READ for a file that is missing, LIMIT_EXCEEDED, FORMAT_FOREIGN for a guest that is not arm64. */
export async function readCrosvm(source: Source): Promise<Imported> {
  const { name: file, folder } = source
  if (!folder)
    throw new SnapError(
      'CANNOT_READ',
      `${file} is the memory map of a crosvm snapshot; the registers are in other files of its folder`,
      { file },
      { hint: 'name the folder' },
    )
  const names = await folder.list()
  if (names.includes('enc_metadata'))
    throw new SnapError('FORMAT_FOREIGN', `${folder.name} is an encrypted crosvm snapshot`, { file: folder.name }, { hint: 'take it without --encrypt' })
  const encoding = encodingOf(await source.head(1))
  const members = [METADATA_FILE]
  const read = async (member: string) => {
    members.push(member)
    const fragment = await folder.open(member)
    try {
      return await readFragment(fragment, encoding)
    } finally {
      await fragment.close()
    }
  }
  const findings: Finding[] = []
  const vcpus: ReadVcpu[] = []
  for (const index of await vcpuNumbers(folder)) vcpus.push(readVcpu(index, await read(`vcpu/vcpu${index}`), `${folder.name}/vcpu/vcpu${index}`))
  const irqchip = readIrqchip(await read('irqchip'))
  const placed = placeCpus(vcpus, irqchip, findings)
  const metadata = await readFragment(source, encoding)
  const { memory, findings: memoryFindings } = await readMemory(metadata, folder, file)
  if (memory.length > 0) members.push(MEMORY_FILE)
  findings.push(...memoryFindings, ...LACKS)

  const devices: DeviceSnapshot[] = [{ name: 'gic-v3', kind: 'gic-v3', state: placed.gic }]
  const others = [...(names.includes('pvclock') ? ['pvclock'] : []), ...(await busFiles(folder, names))]
  for (const member of others) devices.push({ name: member, kind: 'crosvm', state: toPlain((await read(member)).value ?? null) })
  const snapshot: Snapshot = { origin: { vmm: vmmText(encoding) }, gic: 'v3', stop: 'running', vm: {}, vcpus: placed.vcpus, devices, memory }
  return { format: { id: 'crosvm', version: encoding }, snapshot, findings, members }
}

const vmmText = (encoding: Encoding): string => (encoding === 'cbor' ? 'crosvm (2025-03 or newer)' : 'crosvm (2024-07 to 2025-03)')

const LACKS: readonly Finding[] = [
  {
    severity: 'warning',
    code: 'format-lacks-bitmaps',
    message: 'crosvm saves no firmware bitmap registers: which TRNG, PV time and vendor services the guest had is not known',
    hint: 'a restore leaves those of the target; give a limit with the VMM if the guest must not see more',
  },
  { severity: 'info', code: 'format-lacks-events', message: 'crosvm saves no vCPU events: a pending SError is lost' },
]

/** The numbers in vcpu/vcpuN, which must be 0 to n-1. */
async function vcpuNumbers(folder: Folder): Promise<readonly number[]> {
  const numbers = (await folder.list('vcpu')).flatMap(name => {
    const [, digits] = /^vcpu(0|[1-9][0-9]{0,3})$/.exec(name) ?? []
    return digits === undefined ? [] : [Number(digits)]
  })
  numbers.sort((a, b) => a - b)
  const missing = numbers.findIndex((number, i) => number !== i)
  if (missing >= 0 || numbers.length > VMM_LIMITS.vcpus)
    throw new SnapError(
      'CANNOT_READ',
      `${folder.name}/vcpu has no vcpu${missing}`,
      { file: `${folder.name}/vcpu` },
      { hint: 'get a whole copy of the snapshot' },
    )
  return numbers
}

async function busFiles(folder: Folder, names: readonly string[]): Promise<readonly string[]> {
  const files: string[] = []
  for (const bus of names.filter(name => /^bus[0-9]{1,3}\/$/.test(name)))
    for (const name of await folder.list(bus.slice(0, -1))) if (!name.endsWith('/')) files.push(bus + name)
  if (files.length > VMM_LIMITS.devices) throw new SnapError('LIMIT_EXCEEDED', `${folder.name} has ${files.length} device files`, { file: folder.name })
  return files
}

/** Power states and CPU interfaces are filed under affinities, registers under numbers. */
function placeCpus(vcpus: readonly ReadVcpu[], irqchip: Irqchip, findings: Finding[]): { readonly vcpus: readonly VcpuSnapshot[]; readonly gic: GicState } {
  const byAffinity = new Map(irqchip.cpus.map(cpu => [cpu.affinity, cpu]))
  const parts = vcpus.map(({ index, registers }) => {
    const mpidr = registerValue(registers, MPIDR)
    const part = mpidr === undefined ? undefined : byAffinity.get(Number((mpidr & 0xff_ffffn) | ((mpidr >> 8n) & 0xff00_0000n)))
    if (!part)
      findings.push({
        severity: 'error',
        code: 'mp-state-missing',
        vcpu: index,
        message: `vCPU ${index} (MPIDR ${mpidr === undefined ? 'not saved' : showRegId(mpidr)}) is not in irqchip, so its power state is not known; it is taken to be runnable`,
      })
    return { index, registers, part }
  })
  if (irqchip.cpus.length > vcpus.length)
    findings.push({ severity: 'error', code: 'vcpu-count-differs', message: `irqchip has ${irqchip.cpus.length} vCPUs, the folder vcpu has ${vcpus.length}` })
  return {
    vcpus: parts.map(({ index, registers, part }) => ({ index, registers, mpState: part?.mpState ?? 'runnable' })),
    gic: { distributor: irqchip.distributor, vcpus: parts.flatMap(({ index, part }) => (part ? [{ vcpu: index, ...part.gic }] : [])) },
  }
}
