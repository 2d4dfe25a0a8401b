// Owns finding where a device section ends and what it holds: by our own layout, by the stream's description, else by its footer. Reads no file.
import { SnapError } from '../../../errors.ts'
import { ByteReader } from '../../source/byte-reader.ts'
import { canEnd, type Ending } from './boundary.ts'
import { CPU_LAYOUT, CPU_VERSION } from './cpu-layout.ts'
import { DEVICE_LAYOUTS } from './device-layouts.ts'
import { type Decoded, type DecodeRun, decode, type Layout, LayoutMisfit } from './layout.ts'
import type { DescribedDevice } from './vmdesc.ts'

export interface MeasuredBody {
  /** Bytes of the body. */
  readonly length: number
  /** Absent when only the footer told where it ends. */
  readonly decoded?: Decoded
  readonly by: 'layout' | 'description' | 'footer'
  /** Where the fields of each subsection begin. */
  readonly marks: ReadonlyMap<string, number>
  /** Subsection from which on the body could not be decoded. */
  readonly unknownFrom?: string
}

export interface SectionName {
  readonly name: string
  readonly version: number
}

/** Measures the body that `bytes` begin with. `more`: the answer needs more bytes. Undefined: no end was found. */
export function measureBody(
  bytes: Uint8Array,
  section: SectionName,
  described: DescribedDevice | undefined,
  ending: Ending,
  budget: { left: number },
): MeasuredBody | 'more' | undefined {
  for (const { layout, by } of layoutsOf(section, described)) {
    const measured = tryLayout(bytes, layout, by, ending, budget)
    if (measured) return measured
  }
  return findFooter(bytes, 0, ending)
}

function* layoutsOf({ name, version }: SectionName, described: DescribedDevice | undefined): Generator<{ layout: Layout; by: 'layout' | 'description' }> {
  if (name === 'cpu' && version === CPU_VERSION) {
    const known = new Set(CPU_LAYOUT.subsections.map(each => each.name))
    const more = (described?.layout.subsections ?? []).filter(each => !known.has(each.name))
    yield { layout: { ...CPU_LAYOUT, subsections: [...CPU_LAYOUT.subsections, ...more] }, by: 'layout' }
    return
  }
  const own = DEVICE_LAYOUTS[name]
  if (own && own.version === version) yield { layout: own.layout, by: 'layout' }
  if (described) yield { layout: described.layout, by: 'description' }
}

function tryLayout(
  bytes: Uint8Array,
  layout: Layout,
  by: 'layout' | 'description',
  ending: Ending,
  budget: { left: number },
): MeasuredBody | 'more' | undefined {
  const reader = new ByteReader(bytes, {}, 'INPUT_CORRUPT')
  const marks = new Map<string, number>()
  const run: DecodeRun = {
    reader,
    marks,
    budget: budget.left,
    stopAtUnknown: layout.name === CPU_LAYOUT.name,
    atEnd: () => {
      const end = canEnd(bytes, reader.offset, ending)
      if (end === 'more') throw new LayoutMisfit('the bytes at hand do not tell')
      return end
    },
  }
  try {
    const decoded = decode(layout, run)
    if (run.stoppedAt !== undefined) {
      const rest = findFooter(bytes, reader.offset, ending)
      if (!rest || rest === 'more') return rest
      return { length: rest.length, decoded, by, marks, unknownFrom: run.stoppedAt }
    }
    const end = canEnd(bytes, reader.offset, ending)
    if (end === true) budget.left = run.budget
    return end === true ? { length: reader.offset, decoded, by, marks } : end === 'more' ? end : undefined
  } catch (error) {
    if (!(error instanceof LayoutMisfit) && !(error instanceof SnapError)) throw error
    // Cut off, or not of this layout: with all bytes at hand it is the latter.
    return ending.complete ? undefined : 'more'
  }
}

function findFooter(bytes: Uint8Array, from: number, ending: Ending): MeasuredBody | 'more' | undefined {
  if (!ending.footers) return undefined
  for (let at = bytes.indexOf(0x7e, from); at >= 0; at = bytes.indexOf(0x7e, at + 1)) {
    const end = canEnd(bytes, at, ending)
    if (end === 'more') return end
    if (end) return { length: at, by: 'footer', marks: new Map() }
  }
  return ending.complete ? undefined : 'more'
}
