// Owns the description that QEMU appends to a stream (VMDESC): where it stands, and its meaning as layouts. QEMU itself never reads it on load, so
// nothing here is trusted: a layout that does not fit the bytes is not used.
// Source: facts/qemu-stream.md §3 (gotchas measured on QEMU 5.2 to 11.1).
import type { Source } from '../../source/source.ts'
import { parseJson } from '../reglist/json-gate.ts'
import type { Field, Layout, Scalar } from './layout.ts'
import { QEMU_LIMITS } from './limits.ts'

export interface Vmdesc {
  /** Of the record's first byte, 0x06. */
  readonly offset: number
  /** The whole record: type, length, JSON. */
  readonly record: { readonly offset: number; readonly length: number }
  /** The JSON, one character a byte. */
  readonly text: string
  readonly hasConfiguration: boolean
  readonly devices: readonly DescribedDevice[]
  /** Details by which releases differ. */
  readonly hints: { readonly registerCountType?: string; readonly runstateBytes?: number; readonly hasCpuFeatures: boolean }
}

export interface DescribedDevice {
  readonly name: string
  readonly instance: number
  readonly version: number
  readonly layout: Layout
}

const RECORD = 0x06
const BRACE = 0x7b

/** Finds the record at the end of the stream: padding off, then back to the last NUL, which is in the length before the JSON. */
export async function findVmdesc(source: Source): Promise<Vmdesc | undefined> {
  const end = await endWithoutPadding(source)
  for (let length = 1 << 16; ; length *= 4) {
    const start = Math.max(0, end - length)
    const bytes = await source.read(start, end - start)
    const nul = bytes.lastIndexOf(0)
    if (nul < 0 && start > 0 && length < QEMU_LIMITS.vmdescBytes) continue
    const brace = bytes.indexOf(BRACE, nul + 1)
    if (nul < 0 || brace < 0) return undefined
    const record = start + brace - 5
    if (record < 0) return undefined
    const head = brace >= 5 ? bytes.subarray(brace - 5, brace) : await source.read(record, 5)
    const json = bytes.subarray(brace)
    if (head[0] !== RECORD || new DataView(head.buffer, head.byteOffset, 5).getUint32(1) !== json.length) return undefined
    return parseVmdesc(json, record, source.name)
  }
}

async function endWithoutPadding(source: Source): Promise<number> {
  let end = source.size
  for (const least = Math.max(0, end - QEMU_LIMITS.padding); end > least; ) {
    const length = Math.min(1 << 16, end - least)
    const bytes = await source.read(end - length, length)
    let at = length
    while (at > 0 && bytes[at - 1] === 0) at--
    if (at > 0) return end - length + at
    end -= length
  }
  return end
}

function parseVmdesc(json: Uint8Array, offset: number, file: string): Vmdesc | undefined {
  let top: unknown
  try {
    top = parseJson(json, file, { depth: QEMU_LIMITS.vmdescDepth, items: QEMU_LIMITS.vmdescItems })
  } catch {
    return undefined
  }
  if (!isObject(top) || !Array.isArray(top.devices)) return undefined
  const devices: DescribedDevice[] = []
  for (const device of top.devices as readonly unknown[]) {
    if (!isObject(device) || typeof device.name !== 'string') return undefined
    const { name, instance_id: instance, version } = device
    const layout = layoutOf(device)
    if (!Number.isSafeInteger(instance) || !Number.isSafeInteger(version) || !layout) return undefined
    devices.push({ name, instance: instance as number, version: version as number, layout })
  }
  const record = { offset, length: 5 + json.length }
  const text = Buffer.from(json.buffer, json.byteOffset, json.length).toString('latin1')
  return { offset, record, text, hasConfiguration: 'configuration' in top, devices, hints: hintsOf(top.devices) }
}

/** Only for devices that layoutOf has read: their fields are objects. */
function hintsOf(devices: readonly unknown[]): Vmdesc['hints'] {
  const fields = (name: string): readonly Json[] => ((devices as readonly Json[]).find(device => device.name === name)?.fields ?? []) as readonly Json[]
  const cpu = fields('cpu')
  const type = cpu.find(field => field.name === 'cpreg_vmstate_array_len')?.type
  const size = fields('globalstate').find(field => field.name === 'runstate')?.size
  return {
    ...(typeof type === 'string' ? { registerCountType: type } : {}),
    ...(typeof size === 'number' ? { runstateBytes: size } : {}),
    hasCpuFeatures: cpu.some(field => field.name === 'env.features'),
  }
}

type Json = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

function layoutOf(vmsd: Json): Layout | undefined {
  const { vmsd_name: name, fields = [], subsections = [] } = vmsd
  if (typeof name !== 'string' || !Array.isArray(fields) || !Array.isArray(subsections)) return undefined
  const rows: Field[] = []
  for (const field of fields as readonly unknown[]) {
    const row = isObject(field) ? fieldOf(field) : undefined
    if (!row) return undefined
    rows.push(row)
  }
  const inner: Layout[] = []
  for (const subsection of subsections as readonly unknown[]) {
    const found = isObject(subsection) ? layoutOf(subsection) : undefined
    if (!found) return undefined
    inner.push(found)
  }
  return { name, fields: rows, subsections: inner }
}

/** Elements that are described one by one, with `index` or (11.x) without, repeat the name and become a list where they are decoded. */
function fieldOf(field: Json): Field | undefined {
  const { name, type, size, array_len: count, struct, vstruct } = field
  if (typeof name !== 'string' || typeof type !== 'string' || !isCount(size)) return undefined
  if (count !== undefined && !isCount(count)) return undefined
  const array = count === undefined ? {} : { count }
  const nested = struct ?? vstruct
  if (nested !== undefined) {
    const layout = isObject(nested) ? layoutOf(nested) : undefined
    return layout && { name, type: layout, ...array }
  }
  const scalar = scalarOf(type, size)
  if (scalar) return { name, type: scalar, ...array }
  return size === 0 && count !== undefined ? undefined : { name, type: 'bytes', size, ...array }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function scalarOf(type: string, size: number): Scalar | undefined {
  if (type === 'bool' && size === 1) return 'bool'
  if (type === 'timer' && size === 8) return 'i64'
  const [, sign, bits] = /^(u?)int(8|16|32|64)\b/.exec(type) ?? []
  if (bits === undefined || Number(bits) !== size * 8) return undefined
  return `${sign === 'u' ? 'u' : 'i'}${bits}` as Scalar
}
