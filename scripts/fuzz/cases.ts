// Owns the making of cases: seeds with the values they stand for, and changes that fast-check chooses, shrinks and repeats by number.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { FuzzFormat } from './formats.ts'
import { digestOf } from './judge.ts'
import { anyMutation, type Mutation, mutate } from './mutations.ts'

export const CORPUS = fileURLToPath(new URL('../../test/data/fuzz/', import.meta.url))

export interface Seed {
  readonly bytes: Uint8Array
  /** Absent for a seed that is not read: a case that once failed. */
  readonly digest?: string
}

export interface Case {
  readonly seed: number
  readonly change:
    | { readonly kind: 'own'; readonly random: number }
    | { readonly kind: 'general'; readonly file: number; readonly mutations: readonly Mutation[] }
}

/** Seeds made now, the committed corpus, and samples of real VMMs. Throws when one is not read that is no failed case of old. */
export async function seedsOf(format: FuzzFormat): Promise<readonly Seed[]> {
  const made = (await format.seeds()).map((bytes, i) => [`seed ${i}`, bytes] as const)
  if (made.length === 0) throw new Error(`${format.id} has no seeds`)
  const samples = (format.samples?.() ?? []).map((bytes, i) => [`sample ${i}`, bytes] as const)
  const seeds: Seed[] = []
  for (const [name, bytes] of [...made, ...keptCases(format), ...samples]) {
    const digest = await digestOrFault(format, bytes)
    if (typeof digest === 'string') seeds.push({ bytes, digest })
    else if (name.startsWith('failed-')) seeds.push({ bytes })
    else throw new Error(`${format.id}: ${name} is not read: ${digest.message}`, { cause: digest })
  }
  return seeds
}

function keptCases({ id }: FuzzFormat): (readonly [name: string, bytes: Uint8Array])[] {
  const folder = `${CORPUS}${id}`
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter(name => name.endsWith('.bin'))
  return names.sort().map(name => [name, new Uint8Array(readFileSync(`${folder}/${name}`))])
}

async function digestOrFault(format: FuzzFormat, bytes: Uint8Array): Promise<string | Error> {
  try {
    const imported = await format.read(bytes)
    try {
      return await digestOf(imported.snapshot)
    } finally {
      await imported.close?.()
    }
  } catch (error) {
    return error as Error
  }
}

export function anyCase(format: FuzzFormat, seeds: number): fc.Arbitrary<Case> {
  const general = fc.record({
    kind: fc.constant('general' as const),
    file: fc.nat({ max: 1000 }),
    mutations: fc.oneof(
      fc.array(anyMutation, { minLength: 1, maxLength: 5 }),
      fc.nat({ max: 0x7fff_ffff }).map(at => [{ kind: 'cut' as const, at }]),
    ),
  })
  const own = fc.record({ kind: fc.constant('own' as const), random: fc.integer({ min: 1, max: 0x7fff_ffff }) })
  return fc.record({ seed: fc.nat({ max: seeds - 1 }), change: format.spoil ? fc.oneof(own, general) : general })
}

/** The bytes of a case, and the digest that must come out if any value does. */
export function bytesOf(format: FuzzFormat, seeds: readonly Seed[], { seed, change }: Case): { readonly bytes: Uint8Array; readonly wanted?: string } {
  const { bytes, digest } = seeds[seed] as Seed
  if (change.kind === 'own') return { bytes: format.spoil?.(bytes, change.random) ?? bytes }
  const changed = (whole: Uint8Array): Uint8Array => change.mutations.reduce(mutate, whole)
  const out = format.apply ? format.apply(bytes, change.file, changed) : changed(bytes)
  const isCut = change.mutations.every(({ kind }) => kind === 'cut')
  const isGolden = digest !== undefined && (format.golden === 'same' || (format.golden === 'cut' && isCut))
  return { bytes: out, ...(isGolden ? { wanted: digest } : {}) }
}
