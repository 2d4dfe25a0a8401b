// Owns the reading of StratoVirt snapshots: the folder with state and memory, or the state file alone. Structs are read by the descriptions in the file.
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import type { DeviceSnapshot, Snapshot, VcpuSnapshot } from '../../../model/snapshot.ts'
import { readAll, type Source } from '../../source/source.ts'
import type { Imported } from '../importer.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { readCpu } from './cpu.ts'
import { readGic, readIts } from './gic.ts'
import { HEADER_BYTES, readHeader } from './header.ts'
import { readMemory } from './memory.ts'
import { type DeviceRecord, readRecords, StructView } from './records.ts'

const STATE_FILE = 'state'
const MEMORY_FILE = 'memory'
const LAST: ReadonlySet<string> = new Set(['GICv3State', 'GICv3ItsState'])

/** Throws INPUT_CORRUPT with the offset, LIMIT_EXCEEDED, FORMAT_TOO_NEW, FORMAT_FOREIGN for x86. */
export async function readStratovirt(source: Source): Promise<Imported> {
  const { name: file, folder } = source
  const header = readHeader(await source.head(HEADER_BYTES), file)
  if (header.file !== 'Device')
    throw new SnapError(
      'FORMAT_FOREIGN',
      `${file} is the memory of a StratoVirt snapshot, which has no registers`,
      { file },
      { hint: 'name the folder, or the file state in it' },
    )
  const bytes = await readAll(source, VMM_LIMITS.stateBytes, 'the state of a StratoVirt snapshot')
  const { records, absent } = readRecords(bytes.subarray(HEADER_BYTES), header.descriptions, HEADER_BYTES, file)
  const findings: Finding[] = []
  const vcpus: VcpuSnapshot[] = []
  const devices: DeviceSnapshot[] = []
  for (const record of records) {
    const view = new StructView(record, file)
    if (record.layout.name === 'ArmCPUState') {
      const { vcpu, findings: more } = readCpu(view)
      if (vcpus.some(({ index }) => index === vcpu.index)) throw view.wrong('apic_id', `is ${vcpu.index}, as that of an earlier vCPU`)
      vcpus.push(vcpu)
      findings.push(...more)
    } else devices.push(deviceOf(record, view))
  }
  for (const { name } of absent) {
    // Records have no end mark. The GIC's are the last ones, and always there when they are described.
    if (LAST.has(name)) throw new SnapError('INPUT_CORRUPT', `${file} ends before its ${name}`, { file, offset: bytes.length })
    findings.push({ severity: 'warning', code: 'device-missing', message: `${file} describes a ${name} and holds none` })
  }
  if (vcpus.length === 0) throw new SnapError('INPUT_CORRUPT', `${file} holds no vCPU`, { file, offset: bytes.length })
  vcpus.sort((a, b) => a.index - b.index)
  const memory = folder && (await folder.has(MEMORY_FILE)) ? await readMemory(await folder.open(MEMORY_FILE)) : undefined
  if (memory) findings.push(...memory.findings)
  else findings.push({ severity: 'warning', code: 'memory-missing', message: 'the file memory with the guest memory is not there' })
  const snapshot: Snapshot = {
    origin: { vmm: 'StratoVirt' },
    gic: devices.some(({ kind }) => kind === 'gic-v3') ? 'v3' : 'none',
    stop: 'running',
    vm: {},
    vcpus,
    devices,
    memory: memory?.memory ?? [],
  }
  return { format: { id: 'stratovirt', version: header.version }, snapshot, findings, members: [STATE_FILE, ...(memory ? [MEMORY_FILE] : [])] }
}

function deviceOf({ id, layout, bytes }: DeviceRecord, view: StructView): DeviceSnapshot {
  if (layout.name === 'GICv3State') return { name: 'gic-v3', kind: 'gic-v3', state: readGic(view) }
  if (layout.name === 'GICv3ItsState') return { name: 'gic-v3-its', kind: 'gic-its', state: readIts(view) }
  const name = `${layout.name}-${id.toString(16)}`
  return { name, kind: 'stratovirt', state: { struct: layout.name, version: layout.version, bytes: new Uint8Array(bytes) } }
}
