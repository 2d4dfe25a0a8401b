// Owns how a saved interrupt controller is taken apart for comparison: by register name and vCPU, however its words are cut into runs.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { GICC, GICD, GICR, GITS, type GicState, type ItsState, type RegisterRun } from '../gic.ts'
import { type Leaf, leavesOf } from './leaves.ts'

/** Leaves that all vCPUs share, and those of each. */
export interface GicLeaves {
  readonly shared: ReadonlyMap<string, Leaf>
  readonly vcpus: ReadonlyMap<number, ReadonlyMap<string, Leaf>>
}

export function gicLeaves({ distributor, vcpus, lineLevels, other }: GicState, kind: string): GicLeaves {
  const shared = new Map(words(distributor, 'GICD', GICD))
  lineLevels?.forEach((word, i) => {
    shared.set(`lineLevels[${i}]`, hex(word))
  })
  if (other) leavesOf(other, 'other', shared)
  const perVcpu = vcpus.map(({ vcpu, registers, systemRegisters, cpuInterface, lineLevel, ...rest }) => {
    const own = new Map<string, Leaf>(kind === 'gic-v3' ? words(registers, 'GICR', GICR) : words(registers, 'GICD', GICD))
    for (const [encoding, value] of systemRegisters ?? []) own.set(systemName(encoding), hex(value))
    for (const [name, word] of words(cpuInterface ?? [], 'GICC', GICC)) own.set(name, word)
    if (lineLevel !== undefined) own.set('lineLevel', hex(lineLevel))
    if (Object.keys(rest).length > 0) leavesOf(rest, '', own)
    return [vcpu, own] as const
  })
  return { shared, vcpus: new Map(perVcpu) }
}

export function itsLeaves({ registers, other }: ItsState): GicLeaves {
  const shared = new Map<string, Leaf>(registers.map(([offset, value]) => [nameAt('GITS', GITS, offset), hex(value)]))
  if (other) leavesOf(other, 'other', shared)
  return { shared, vcpus: new Map() }
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`
const isEncoding = (encoding: number): boolean => Number.isInteger(encoding) && encoding >= 0 && encoding <= 0xffff
const systemName = (encoding: number): string =>
  isEncoding(encoding) ? registerName(0x6030_0000_0013_0000n | BigInt(encoding)) : `system register ${encoding}`

function* words(runs: readonly RegisterRun[], frame: string, names: Readonly<Record<string, number>>): Generator<readonly [string, string]> {
  for (const { offset, words: list } of runs) for (const [i, word] of list.entries()) yield [nameAt(frame, names, offset + 4 * i), hex(word)]
}

/** `GICD_ISENABLER[1]`: the nearest register at or below the offset, and how many words behind it. */
function nameAt(frame: string, names: Readonly<Record<string, number>>, offset: number): string {
  let best: readonly [string, number] | undefined
  for (const row of Object.entries(names)) if (row[1] <= offset && (!best || row[1] > best[1])) best = row
  if (!best || !Number.isInteger(offset)) return `${frame} + ${offset}`
  const word = (offset - best[1]) / 4
  const name = `${frame}_${best[0].toUpperCase()}`
  return word === 0 ? name : `${name}[${word}]`
}
