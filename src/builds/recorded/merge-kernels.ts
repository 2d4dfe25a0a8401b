// Owns completing a recording's own rules by the built-in ones of the same release: what its rows show stands (the recording wins), what one
// host cannot show is the release's.
import type { KernelRules, SysregRow } from '../kernel-rules.ts'
import { mergeOrders } from './sysreg-table.ts'

/** `own` is derived from one recording; `complete` says that it has every section that rules come from. */
export function mergeKernels(builtIn: KernelRules, own: KernelRules, complete: boolean): KernelRules {
  const order = mergeOrders([builtIn.sysregs.map(row => row.encoding), own.sysregs.map(row => row.encoding)])
  const sysregs = order.map(encoding => mergeRows(find(builtIn, encoding), find(own, encoding)))
  const name = own.provenance[0]?.recording ?? 'the recording'
  const { provenance } = own
  if (!complete) {
    const init = { ...builtIn.init, known: builtIn.init.known | own.init.known }
    return {
      ...builtIn,
      provenance,
      inferred: [...builtIn.inferred, `${name} is incomplete: its rules are those of the built-in ${builtIn.release}`],
      sysregs,
      init,
    }
  }
  const { idRegisters: theirs } = builtIn
  return {
    ...own,
    inferred: [...own.inferred, `${name} does not show them: those of the built-in ${builtIn.release}`],
    sysregs,
    workaround2: builtIn.workaround2,
    pmu: builtIn.pmu,
    // Only the PSCI matrix shows all of it.
    firmware: own.firmware.inferred.length < builtIn.firmware.inferred.length ? own.firmware : builtIn.firmware,
    idRegisters: {
      ...own.idRegisters,
      forgives: theirs.forgives,
      lowerable: theirs.lowerable,
      uncovered: union(theirs.uncovered, own.idRegisters.uncovered),
    },
    init: { ...own.init, widthCountsUninitialised: builtIn.init.widthCountsUninitialised },
  }
}

const find = (kernel: KernelRules, encoding: number): SysregRow | undefined => kernel.sysregs.find(row => row.encoding === encoding)

/** The release's row, unless this recording lists the register where the release says that it is not. */
export function mergeRows(builtIn: SysregRow | undefined, own: SysregRow | undefined): SysregRow {
  if (!builtIn) return own!
  if (!own) return builtIn
  const { needs, field, ...row } = builtIn
  return { ...row, ...(needs && own.needs ? { needs } : {}), ...(field && own.field ? { field } : {}) }
}

function union(a: ReadonlyMap<number, bigint>, b: ReadonlyMap<number, bigint>): ReadonlyMap<number, bigint> {
  const merged = new Map(a)
  for (const [encoding, mask] of b) merged.set(encoding, mask | (merged.get(encoding) ?? 0n))
  return merged
}
