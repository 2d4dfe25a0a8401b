// Owns the names of members: which there are, what each kind may be, in which order they are written. Knows no bytes.
import { LIMITS } from './limits.ts'

export const MANIFEST = 'manifest.json'
export const VM = 'vm.msgpack'
export const MACHINE = 'machine.msgpack'
/** Sections of other formats that were kept byte for byte, whose names cannot be member names. */
export const FOREIGN = 'foreign.msgpack'
export const INDEX = 'index.json'
export const FOOTER = 'footer'

export const vcpuMember = (index: number): string => `vcpu/${index}.msgpack`
export const deviceMember = (folderName: string): string => `devices/${folderName}.msgpack`
/** Chunk numbers have six digits, and more only where six do not do. */
export const chunkMember = (region: string, chunk: number): string => `memory/${region}/${String(chunk).padStart(6, '0')}.zst`

export type MemberKind =
  | { readonly kind: 'manifest' | 'vm' | 'machine' | 'foreign' | 'index' | 'footer' | 'unknown' }
  | { readonly kind: 'vcpu'; readonly index: number }
  | { readonly kind: 'device'; readonly name: string }
  | { readonly kind: 'chunk'; readonly region: string; readonly chunk: number }

const NAME = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}'
const INSTANCE = new RegExp(`^${NAME}$`)
/** What stands in a path for the device or region at a position whose own name cannot. */
const STAND_IN = '_(?:0|[1-9][0-9]{0,3})'
const VCPU = /^vcpu\/(0|[1-9][0-9]{0,4})\.msgpack$/
const DEVICE = new RegExp(`^devices/(${NAME}|${STAND_IN})\\.msgpack$`)
const CHUNK = new RegExp(`^memory/(${NAME}|${STAND_IN})/([0-9]{6}|[1-9][0-9]{6,8})\\.zst$`)
const SAFE = new RegExp(`^${NAME}(/${NAME}){0,3}$`)
/** Folders whose members are all known: nothing else may stand in them. */
const RESERVED = /^(vcpu|devices|memory|manifest\.json|vm\.msgpack|machine\.msgpack|foreign\.msgpack|index\.json|footer)(\/|$)/

/**
 * What stands for each name in paths: the name itself when it is a letter or digit and then letters, digits, `.`, `_`, `-`, at most 64, and no
 * earlier one is the same; else `_` and its position in the list.
 */
export function pathNames(names: readonly string[]): readonly string[] {
  const used = new Set<string>()
  return names.map((name, i) => {
    if (!INSTANCE.test(name) || used.has(name)) return `_${i}`
    used.add(name)
    return name
  })
}

/** What a member of this name is, `unknown` for a harmless name that a later release may use, undefined for a name that no archive holds. */
export function memberKind(name: string): MemberKind | undefined {
  if (name.length > LIMITS.nameBytes) return undefined
  switch (name) {
    case MANIFEST:
      return { kind: 'manifest' }
    case VM:
      return { kind: 'vm' }
    case MACHINE:
      return { kind: 'machine' }
    case FOREIGN:
      return { kind: 'foreign' }
    case INDEX:
      return { kind: 'index' }
    case FOOTER:
      return { kind: 'footer' }
  }
  const [, index] = VCPU.exec(name) ?? []
  if (index !== undefined) return { kind: 'vcpu', index: Number(index) }
  const [, device] = DEVICE.exec(name) ?? []
  if (device !== undefined) return { kind: 'device', name: device }
  const [, region, chunk] = CHUNK.exec(name) ?? []
  if (region !== undefined && chunk !== undefined) return { kind: 'chunk', region, chunk: Number(chunk) }
  return SAFE.test(name) && !RESERVED.test(name) ? { kind: 'unknown' } : undefined
}

/** Members whose names end so hold one zstd frame; all others are stored as they are. */
export const isCompressed = (name: string): boolean => name.endsWith('.zst')
