// Owns the rows of the demux registers: CCSIDR_EL1 as it reads for each value of CSSELR_EL1. Source: facts/kvm-arm64-rules.md §1.
import type { RegId } from '../reg-id.ts'
import type { RegisterRow } from './row.ts'

/** Seven cache levels, each with a data (or unified) and an instruction cache. KVM lists at most these. */
const CACHES = 14

const describe = (csselr: number) => `${csselr & 1 ? 'instruction' : 'data or unified'} cache of level ${(csselr >> 1) + 1}: sets, ways, line size`

export const demuxRows = (): readonly RegisterRow[] =>
  Array.from({ length: CACHES }, (_, csselr) => ({
    id: (0x6020_0000_0011_0000n | BigInt(csselr)) as RegId,
    name: `CCSIDR_EL1[${csselr}]`,
    class: 'demux',
    group: 'cache',
    scope: 'vcpu',
    bytes: 4,
    meaning: describe(csselr),
    aliases: [`CCSIDR_${csselr}`],
    listed: 'newer kernels list all 14, older ones (up to 6.1 as recorded) only the caches that the host has',
    write: 'cache-geometry',
  }))
