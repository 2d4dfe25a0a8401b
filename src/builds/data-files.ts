// Owns where the built-in builds' data lies: one file a kernel, one a kernel and CPU, and an index. The only file I/O of this layer.
import { readFileSync } from 'node:fs'
import type { HostJson, KernelJson } from './codec.ts'

/** One built-in build, as far as a listing needs it. */
export interface IndexEntry {
  readonly release: string
  readonly cpu: string
  readonly psci: { readonly initial: number; readonly accepted: readonly number[] }
  /** Length of a PSCI 0.2 vCPU's register list. */
  readonly registers: number
}

// Beside this module in the source tree; beside the bundle in a distribution.
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`./data/${name}`, import.meta.url), 'utf8'))

export const readIndex = (): readonly IndexEntry[] => read('index.json') as readonly IndexEntry[]
export const readKernel = (release: string): KernelJson => read(`${release}.json`) as KernelJson
export const readHost = (release: string, cpu: string): HostJson => read(`${release}-${cpu}.json`) as HostJson
