// Owns the words for registers that one side does not have: what stays at the target's reset value, what the VMM drops, what a clock does without its counter.
import { once } from '../../../arch/once.ts'
import { compileSelector } from '../../../arch/selector.ts'
import type { Consequence } from '../check-report.ts'
import type { Case } from './case.ts'
import { listNames, plural } from './names.ts'

const isBitmap = once(() => compileSelector({ classes: ['firmware-bitmap'] }))
const COUNTER = 'KVM_REG_ARM_PTIMER_CNT'

export function lossConsequences({ added, refusals, dropped, kernel }: Case): readonly Consequence[] {
  const out: Consequence[] = []
  const gone = refusals.filter(row => row.errno === 'ENOENT')
  // Source: Linux Documentation/virt/kvm/api.rst, KVM_CAP_COUNTER_OFFSET; recordings: 6.12 and later to 6.1.
  if (gone.some(row => row.name === COUNTER) || dropped.some(row => row.name === COUNTER))
    out.push({ code: 'clock-jumps', message: `the guest's physical counter jumps: ${kernel} has no ${COUNTER} and shows the host's own counter` })
  const lost = gone.filter(row => !row.droppable && row.name !== COUNTER && !isBitmap()(row.id))
  if (lost.length > 0)
    out.push({
      code: 'register-lost',
      message: `state that this host has no place for: ${listNames(lost.map(row => row.name))}; a VMM that skips it loses it`,
    })
  if (dropped.length > 0) out.push({ code: 'register-dropped', message: droppedText(dropped) })
  const rest = added.filter(row => row.name !== 'KVM_REG_ARM_PSCI_VERSION' && !isBitmap()(row.id))
  if (rest.length > 0)
    out.push({
      code: 'register-default',
      message: `${plural(rest.length, 'register')} of this host ${rest.length === 1 ? 'is' : 'are'} not in the file and silently keep${rest.length === 1 ? 's' : ''} the reset value: ${listNames(rest.map(row => row.name))}`,
    })
  return out
}

/** By the VMM's reason, which several registers may share. */
function droppedText(dropped: Case['dropped']): string {
  const by = new Map<string, string[]>()
  for (const { name, why } of dropped) by.set(why, [...(by.get(why) ?? []), name])
  return `the VMM does not write ${[...by].map(([why, names]) => `${listNames(names)} (${why})`).join('; ')}`
}
