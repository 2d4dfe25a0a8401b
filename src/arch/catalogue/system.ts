// Owns the reading of the generated system-register table: rows by ONE_REG id, and the architectural name of an encoding.
// Timers are not here (their ids are swapped, see timers.ts), nor what a value means (see ../fields).
import { once } from '../once.ts'
import type { RegId } from '../reg-id.ts'
import { SYSTEM_REGISTERS } from './data/system-registers.ts'
import { systemRegisterMeaning } from './meanings.ts'
import type { RegisterGroup, RegisterRow, WriteRule } from './row.ts'

/** The letters of the generated table, in words: when KVM lists the register, and which group that makes it. */
const LISTED: Readonly<Record<string, readonly [string, RegisterGroup]>> = {
  a: ['always', 'base'],
  b: ['always; reads as zero on a host without AArch32 at EL0', 'aarch32-id'],
  z: ['always; reads as zero', 'reserved-id'],
  p: ['vCPU feature pmu_v3; 5.10 lists it without the feature too', 'pmu'],
  s: ['vCPU feature sve', 'gated'],
  k: ['vCPU features ptrauth_address and ptrauth_generic', 'pauth'],
  m: ['memory tagging enabled on the VM', 'mte'],
  t: ['the vCPU has TCR2 (ID_AA64MMFR3_EL1.TCRX); 6.5 to 6.12 list it always', 'gated'],
  i: ['the vCPU has permission indirection (ID_AA64MMFR3_EL1.S1PIE); 6.5 to 6.12 list it always', 'gated'],
  o: ['the vCPU has permission overlays (ID_AA64MMFR3_EL1.S1POE)', 'gated'],
  x: ['the vCPU has SCTLR2 (ID_AA64MMFR3_EL1.SCTLRX)', 'gated'],
  f: ['the vCPU has FPMR (ID_AA64PFR2_EL1.FPMR)', 'gated'],
  n: ['the vCPU has SME, which no kernel up to 7.3 gives to guests', 'gated'],
  E: ['vCPU feature has_el2', 'el2'],
  X: ['vCPU feature has_el2, and SCTLR2', 'el2'],
  F: ['vCPU feature has_el2, and fine-grained traps', 'el2'],
  G: ['vCPU feature has_el2, and fine-grained traps 2', 'el2'],
  S: ['vCPU features has_el2 and sve', 'el2'],
  N: ['vCPU feature has_el2, and NV3', 'el2'],
  T: ['vCPU feature has_el2, and TCR2', 'el2'],
  V: ['vCPU feature has_el2, and NV2', 'el2'],
  I: ['vCPU feature has_el2, and permission indirection', 'el2'],
  O: ['vCPU feature has_el2, and permission overlays', 'el2'],
  H: ['vCPU feature has_el2 without has_el2_e2h0', 'el2'],
}

const WRITE: Readonly<Record<string, WriteRule>> = {
  w: 'plain',
  i: 'id-register',
  e: 'same-value',
  z: 'zero-only',
  m: 'implementation-id',
  o: 'os-lock-bit',
  r: 'ignored',
  n: 'counter-number',
  l: 'slots',
}

/** What the generated letters leave out: rules of single registers that the tables of the kernel hide in functions. */
const REFINED: Readonly<Record<string, Partial<RegisterRow>>> = {
  MIDR_EL1: { scope: 'vm', group: 'id' },
  REVIDR_EL1: { scope: 'vm', group: 'id' },
  AIDR_EL1: { scope: 'vm', group: 'id' },
  MPIDR_EL1: { group: 'id', quirk: 'accepts any value at any time, in every recorded kernel' },
  CTR_EL0: { scope: 'vm', group: 'cache' },
  CLIDR_EL1: { group: 'cache', write: 'cache-geometry' },
  CSSELR_EL1: { group: 'cache' },
  PMCR_EL0: { quirk: 'bits 15:11 (N) choose the number of counters of the VM where the kernel allows it; a number too large is ignored without an error' },
  TCR2_EL1: { quirk: 'listed unconditionally by 6.5 to 6.12, hidden without the feature by later kernels' },
  PIRE0_EL1: { quirk: 'listed unconditionally by 6.5 to 6.12, hidden without the feature by later kernels' },
  PIR_EL1: { quirk: 'listed unconditionally by 6.5 to 6.12, hidden without the feature by later kernels' },
}

const isIdSpace = (encoding: number) => encoding >>> 7 === 0xc000 >>> 7 && ((encoding >>> 3) & 15) >= 1 && ((encoding >>> 3) & 15) <= 7
const DEBUG = /^(DBG|MD|OSLSR)/

/** `S3_0_C0_C4_0`: the generic spelling of an encoding (op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2). */
export const encodingName = (encoding: number): string =>
  `S${encoding >> 14}_${(encoding >> 11) & 7}_C${(encoding >> 7) & 15}_C${(encoding >> 3) & 15}_${encoding & 7}`

const lines = once(() =>
  SYSTEM_REGISTERS.trim()
    .split('\n')
    .map(line => line.split(' ')),
)

/** Names by encoding, as the Arm manual has them: the virtual counter is CNTVCT_EL0 here, whatever id KVM gave it. */
const architecturalNames = once(
  () => new Map(lines().flatMap(([encoding = '', name = '-']) => (name === '-' ? [] : [[Number.parseInt(encoding, 16), name] as const]))),
)

/** The Arm name of an encoding, else its generic spelling. For instructions (MRS, MSR); ids of KVM go through registerName. */
export const systemRegisterName = (encoding: number): string => architecturalNames().get(encoding) ?? encodingName(encoding)

/** (id, name) of every row of the table, cheaply: nothing else is looked at. */
export function* systemRegisterNames(): Generator<readonly [bigint, string]> {
  for (const [hex = '', name = '-'] of lines()) {
    const encoding = Number.parseInt(hex, 16)
    yield [0x6030_0000_0013_0000n | BigInt(encoding), name === '-' ? encodingName(encoding) : name]
  }
}

/** All rows, in order of encoding. */
export function systemRows(): readonly RegisterRow[] {
  return lines().map(([hex = '', tableName = '-', listed, write, since]) => {
    const encoding = Number.parseInt(hex, 16)
    const name = tableName === '-' ? encodingName(encoding) : tableName
    const [when, group] = (listed === undefined ? undefined : LISTED[listed]) ?? [undefined, 'unlisted' as const]
    const rule = write === undefined ? undefined : WRITE[write]
    return {
      id: (0x6030_0000_0013_0000n | BigInt(encoding)) as RegId,
      name,
      class: 'system',
      group: group === 'base' ? (isIdSpace(encoding) ? 'id' : DEBUG.test(name) ? 'debug' : 'base') : group,
      scope: isIdSpace(encoding) ? 'vm' : 'vcpu',
      bytes: 8,
      // worked out when asked for: most callers want the group or the rule only
      get meaning() {
        return systemRegisterMeaning(name) ?? 'reserved slot of the ID register space'
      },
      aliases: [],
      ...(when === undefined ? {} : { listed: when }),
      ...(rule === undefined ? {} : { write: rule }),
      ...(since === undefined || since === '-' ? {} : { since }),
      ...REFINED[name],
    }
  })
}
