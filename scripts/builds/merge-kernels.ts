// Owns laying a recording's own rules over the built-in ones of the same release: a variant's register table may hold more (nested), its
// rules are otherwise the release's. Where the recording contradicts the release, the recording wins.
import type { KernelRules, SysregRow } from '../../src/builds/kernel-rules.ts'
import { mergeOrders } from './sysreg-table.ts'

export function mergeKernels(builtIn: KernelRules, own: KernelRules): KernelRules {
  const order = mergeOrders([builtIn.sysregs.map(row => row.encoding), own.sysregs.map(row => row.encoding)])
  const rows = new Map<number, SysregRow>([...own.sysregs, ...builtIn.sysregs].map(row => [row.encoding, row]))
  return {
    ...builtIn,
    provenance: own.provenance,
    inferred: [...builtIn.inferred, `rules that ${own.provenance[0]?.recording ?? 'the recording'} does not show: those of the built-in ${builtIn.release}`],
    sysregs: order.map(encoding => rows.get(encoding)!),
    init: { ...own.init, widthCountsUninitialised: builtIn.init.widthCountsUninitialised },
  }
}
