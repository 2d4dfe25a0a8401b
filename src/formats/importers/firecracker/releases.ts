// table: which Firecracker releases write which snapshot version, in which encoding and layout. One row per layout; a version with two rows says
// too little, and reading tries both. Source: facts/vmm-formats.md §1.1 and §1.3.
import type { LayoutTraits } from './layouts.ts'

export type Encoding = 'versionize' | 'bincode' | 'bitcode'

export interface Release {
  /** The file's own version: versionize's data version, or the snapshot version. */
  readonly version: string
  readonly encoding: Encoding
  /** Firecracker releases that write it. */
  readonly releases: readonly string[]
  readonly traits: LayoutTraits
}

const V1_0: LayoutTraits = { memory: 'outside', region: 'with-offset', registers: 'u64' }
const V1_1_4: LayoutTraits = { ...V1_0, registers: 'u128' }
const V1_2: LayoutTraits = { ...V1_1_4, templates: ['C3', 'T2', 'T2S', 'None'] }
const V1_3: LayoutTraits = { ...V1_2, templates: ['C3', 'T2', 'T2S', 'None', 'T2CL', 'T2A'] }
// From v1.4 on arm has a template of its own, V1N1, in the place of T2S; the two before it are kept empty there.
const V1_4: LayoutTraits = { ...V1_3, templates: ['Empty0', 'Empty1', 'V1N1', 'None'] }
const V1_5: LayoutTraits = { ...V1_4, capabilities: 'tagged', registers: 'vector', kvi: 'optional-fields' }
const V1_7: LayoutTraits = { ...V1_5, capabilities: 'text', templates: ['V1N1', 'None'], hugePages: ['None', 'Hugetlbfs2M'] }
const V1_8: LayoutTraits = { ...V1_7, kvi: 'bytes' }
const V1_11: LayoutTraits = { ...V1_8, region: 'plain', capabilities: 'before' }
const V1_12: LayoutTraits = { ...V1_11, memory: 'inside' }
const PVTIME: LayoutTraits = { ...V1_12, pvtime: true }
const V1_13: LayoutTraits = { ...PVTIME, its: true, allocator: 'v1.13' }
const V1_14: LayoutTraits = { ...V1_13, region: 'hotpluggable', allocator: 'v1.14' }
const MAIN_11: LayoutTraits = { ...V1_14, hugePages: ['None', 'Transparent', 'Hugetlbfs2M'], allocator: 'v11' }

const EARLY = ['1.0.0', '1.0.1', '1.0.2', '1.1.0', '1.1.1', '1.1.2', '1.1.3']

export const RELEASES: readonly Release[] = [
  { version: '4', encoding: 'versionize', releases: EARLY, traits: V1_0 },
  // v1.1.4 and later, asked for a snapshot that v1.0 can read.
  { version: '4', encoding: 'versionize', releases: ['1.1.4', '1.2 to 1.6 for 1.0'], traits: V1_1_4 },
  { version: '5', encoding: 'versionize', releases: EARLY.slice(3), traits: V1_0 },
  { version: '5', encoding: 'versionize', releases: ['1.1.4', '1.2 to 1.6 for 1.1'], traits: V1_1_4 },
  { version: '6', encoding: 'versionize', releases: ['1.2.0', '1.2.1'], traits: V1_2 },
  { version: '7', encoding: 'versionize', releases: ['1.3.0', '1.3.1', '1.3.2', '1.3.3'], traits: V1_3 },
  { version: '8', encoding: 'versionize', releases: ['1.4.0', '1.4.1'], traits: V1_4 },
  { version: '9', encoding: 'versionize', releases: ['1.5.0', '1.5.1'], traits: V1_5 },
  { version: '10', encoding: 'versionize', releases: ['1.6.0'], traits: V1_5 },
  { version: '1.0.0', encoding: 'bincode', releases: ['1.7.0'], traits: V1_7 },
  { version: '2.0.0', encoding: 'bincode', releases: ['1.8.0'], traits: V1_8 },
  { version: '3.0.0', encoding: 'bincode', releases: ['1.9.0', '1.9.1', '1.10.0'], traits: V1_8 },
  { version: '4.0.0', encoding: 'bincode', releases: ['1.10.1'], traits: V1_8 },
  { version: '5.0.0', encoding: 'bincode', releases: ['1.11.0'], traits: V1_11 },
  { version: '6.0.0', encoding: 'bincode', releases: ['1.12.0', '1.12.1'], traits: V1_12 },
  { version: '7.0.0', encoding: 'bincode', releases: ['main of 2025-04 to 2025-07'], traits: PVTIME },
  { version: '8.0.0', encoding: 'bincode', releases: ['1.13.0', '1.13.1', '1.13.2'], traits: V1_13 },
  { version: '8.0.0', encoding: 'bincode', releases: ['1.14.0', '1.14.1', '1.14.2', '1.14.3', '1.14.4'], traits: V1_14 },
  { version: '9.0.0', encoding: 'bitcode', releases: ['1.15.0', '1.15.1'], traits: V1_14 },
  { version: '10.0.0', encoding: 'bitcode', releases: ['1.16.0', '1.16.1'], traits: V1_14 },
  { version: '11.0.0', encoding: 'bitcode', releases: ['main of 2026-06 on'], traits: MAIN_11 },
]
