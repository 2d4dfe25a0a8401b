// Owns the step from members to a Snapshot: which members there must be, what each says, what this release does not understand. Gets raw bytes
// from a `RawMembers`, so that reading and verifying decode alike. Memory is only described here: read-memory.ts reads it.
import { SnapError } from '../../errors.ts'
import type { DeviceSnapshot, MachineState, VcpuSnapshot } from '../../model/snapshot.ts'
import type { Chain } from '../schema/chain.ts'
import { deviceSchema, foreignSchema, machineSchema, vcpuSchema, vmSchema } from '../schema/history.ts'
import type { StoredVm } from '../schema/v1.ts'
import type { MemberRow } from './archive.ts'
import { LIMITS } from './limits.ts'
import { deviceMember, FOREIGN, MACHINE, MANIFEST, memberKind, pathNames, VM, vcpuMember } from './member-names.ts'
import { chunkLength } from './memory-chunks.ts'
import { pack, unpack } from './pack.ts'
import { keyName, type UnknownItem } from './unknown-keys.ts'

export interface RawMembers {
  readonly file: string
  readonly rows: readonly MemberRow[]
  /** Checked raw bytes. */
  read(row: MemberRow): Promise<Uint8Array>
}

export interface StoredRegion {
  readonly name: string
  readonly start: bigint
  readonly size: number
  /** Ascending by chunk number. */
  readonly chunks: readonly { readonly number: number; readonly row: MemberRow }[]
}

export interface SnapshotParts {
  readonly vm: StoredVm
  readonly vcpus: readonly VcpuSnapshot[]
  readonly devices: readonly DeviceSnapshot[]
  readonly regions: readonly StoredRegion[]
  readonly machine: MachineState | undefined
  readonly unknown: readonly UnknownItem[]
}

/**
 * Decodes all members but memory. `failed` is told what is wrong with one member and may throw; when it returns, the part is left out.
 * The result is undefined when vm.msgpack cannot be read.
 */
export async function decodeParts(
  members: RawMembers,
  schemaVersion: number,
  failed: (error: unknown, member: string) => void,
): Promise<SnapshotParts | undefined> {
  const { file, rows } = members
  const byName = new Map(rows.map(row => [row.name, row]))
  const used = new Set([MANIFEST])
  const unknown: UnknownItem[] = []

  async function part<T>(name: string, schema: Chain<T>, check: (value: T) => string | undefined = () => undefined): Promise<T | undefined> {
    used.add(name)
    try {
      const row = byName.get(name)
      if (!row) throw new SnapError('ARCHIVE_CORRUPT', `${file}: ${name} is missing`, { file, member: name })
      const raw = unpack(await members.read(row), { file, member: name })
      const found: UnknownItem[] = []
      const value = schema.decode(schemaVersion, raw, {
        file,
        member: name,
        unknown: (pointer, item) => found.push({ name: keyName(name, pointer), bytes: pack(item) }),
      })
      const fault = check(value)
      if (fault !== undefined) throw new SnapError('ARCHIVE_CORRUPT', `${file}: ${name}: ${fault}`, { file, member: name })
      unknown.push(...found)
      return value
    } catch (error) {
      failed(error, name)
      return undefined
    }
  }

  const vm = await part(VM, vmSchema)
  if (!vm) return undefined
  const vcpus: VcpuSnapshot[] = []
  for (const index of vm.vcpus) {
    const vcpu = await part(vcpuMember(index), vcpuSchema, v => (v.index === index ? undefined : `it says it is vCPU ${v.index}`))
    if (vcpu) vcpus.push(vcpu)
  }
  const devices: DeviceSnapshot[] = []
  for (const [i, path] of pathNames(vm.devices).entries()) {
    const device = await part(deviceMember(path), deviceSchema, d => (d.name === vm.devices[i] ? undefined : `it says it is ${JSON.stringify(d.name)}`))
    if (device) devices.push(device)
  }
  const machine = byName.has(MACHINE) ? await part(MACHINE, machineSchema) : undefined
  const foreign = byName.has(FOREIGN) ? await part(FOREIGN, foreignSchema) : undefined

  const regions = regionsOf(vm, rows, file, used, failed)
  unknown.push(...(await unknownMembers(members, used, failed)), ...(foreign ?? []))
  return { vm, vcpus, devices, regions, machine, unknown }
}

/** Sorts chunk rows into the regions that vm.msgpack declares; a chunk of no region, out of order, or of a wrong size is a failure. */
function regionsOf(
  vm: StoredVm,
  rows: readonly MemberRow[],
  file: string,
  used: Set<string>,
  failed: (error: unknown, member: string) => void,
): readonly StoredRegion[] {
  const paths = pathNames(vm.memory.map(region => region.name))
  const chunks = vm.memory.map((): { number: number; row: MemberRow }[] => [])
  const position = new Map(paths.map((path, i) => [path, i]))
  for (const row of rows) {
    const kind = memberKind(row.name)
    if (kind?.kind !== 'chunk') continue
    used.add(row.name)
    const i = position.get(kind.region) ?? -1
    const region = vm.memory[i]
    const list = chunks[i]
    const wrong = (what: string): void => failed(new SnapError('ARCHIVE_CORRUPT', `${file}: ${row.name} ${what}`, { file, member: row.name }), row.name)
    if (!region || !list) wrong('belongs to no memory region')
    else if (kind.chunk * LIMITS.chunkBytes >= region.size) wrong(`lies beyond the ${region.size} bytes of its region`)
    else if (kind.chunk <= (list.at(-1)?.number ?? -1)) wrong('comes after a later chunk')
    else if (row.raw !== chunkLength(region.size, kind.chunk)) wrong(`has ${row.raw} bytes instead of ${chunkLength(region.size, kind.chunk)}`)
    else list.push({ number: kind.chunk, row })
  }
  return vm.memory.map((region, i) => ({ ...region, chunks: chunks[i] ?? [] }))
}

/** Members that nothing has asked for: kept when their names mean nothing to this release, refused when they belong to something that is not there. */
async function unknownMembers(members: RawMembers, used: ReadonlySet<string>, failed: (error: unknown, member: string) => void): Promise<UnknownItem[]> {
  const kept: UnknownItem[] = []
  let bytes = 0
  for (const row of members.rows) {
    if (used.has(row.name)) continue
    try {
      const where = { file: members.file, member: row.name }
      if (memberKind(row.name)?.kind !== 'unknown')
        throw new SnapError('ARCHIVE_CORRUPT', `${members.file}: ${row.name} is a member too many: vm.msgpack does not name it`, where)
      bytes += row.raw
      if (bytes > LIMITS.unknownBytes || kept.length >= LIMITS.unknownMembers)
        throw new SnapError(
          'LIMIT_EXCEEDED',
          `${members.file} has more than ${LIMITS.unknownMembers} members or ${LIMITS.unknownBytes} bytes that this release does not know`,
          where,
        )
      kept.push({ name: row.name, bytes: await members.read(row) })
    } catch (error) {
      failed(error, row.name)
    }
  }
  return kept
}
