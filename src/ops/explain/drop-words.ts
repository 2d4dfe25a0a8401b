// Owns what the reviewed tables say of one register: whether a guest sees a difference, and whether a refused one may be left out.
import { DROPPABLE, droppable } from '../../arch/droppable.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { compileSelector } from '../../arch/selector.ts'
import { VISIBILITY } from '../../arch/visibility.ts'
import type { RegisterAnswer } from './explain-report.ts'

type Sourced<T> = T & { readonly source: string }

/** The rows that are about this register, up to the one that always holds. */
export function visibilityRows(id: RegId): readonly Sourced<RegisterAnswer['visibility'][number]>[] {
  const rows: Sourced<RegisterAnswer['visibility'][number]>[] = []
  for (const { registers, fields, when, visible, why, source } of VISIBILITY) {
    if (!compileSelector(registers)(id)) continue
    // A row for every register whose condition looks at the id alone either always holds for this one, or never.
    const isAboutAll = Object.keys(registers).length === 0 && when !== undefined
    if (isAboutAll && !when[1]({ id, written: 0n, readBack: 1n, guest: {} })) continue
    rows.push({ ...(when && !isAboutAll ? { when: when[0] } : {}), ...(fields ? { fields } : {}), visible, why, source })
    if (isAboutAll || (!when && !fields)) break
  }
  return rows
}

/** The rows that are about this register, up to the one that always holds; a reason that depends on the value is said for `value`. */
export function droppableRows(id: RegId, value: bigint): readonly Sourced<RegisterAnswer['droppable'][number]>[] {
  const rows: Sourced<RegisterAnswer['droppable'][number]>[] = []
  for (const { registers, errnos, when, droppable: may, reason, source } of DROPPABLE) {
    if (!compileSelector(registers)(id)) continue
    const said = typeof reason === 'string' ? reason : reason({ id, value, errno: errnos?.[0] ?? 'EINVAL', guest: {} })
    rows.push({ ...(errnos ? { errnos } : {}), ...(when ? { when: when[0] } : {}), droppable: may, reason: said, source })
    if (!errnos && !when) return rows
  }
  const rest = droppable(id, value, 'EINVAL')
  if (rows.length === 0 || !rows.some(row => row.reason === rest.reason)) rows.push(rest)
  return rows
}
