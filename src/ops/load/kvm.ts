// Owns the rule that KVM's documentation gives every VMM: write all saved registers blindly, in list order. Source: Linux
// Documentation/virt/kvm/api.rst (KVM_GET_REG_LIST, KVM_ARM_VCPU_FINALIZE); recordings/src/probe.c, do_replay.
import { sveVlsId } from '../../arch/reg-id.ts'
import type { RegisterList } from '../../model/register-list.ts'
import { type Phase, phaseOf, type VmmRules } from './plan.ts'

/** All registers in saved order; the vector lengths were written before FINALIZE. */
export function inListOrder(saved: RegisterList, rawOrder: boolean): Phase {
  const at = rawOrder ? -1 : saved.ids.indexOf(sveVlsId)
  return at < 0
    ? { registers: saved }
    : phaseOf(
        saved,
        [...saved.ids.keys()].filter(i => i !== at),
      )
}

export const kvm: VmmRules = {
  id: 'kvm',
  title: 'KVM',
  turns: 'vcpu',
  power: 'end',
  ownAt: 'turn',
  features: inferred => [inferred],
  plan: (saved, _own, { rawOrder }) => ({ phases: [inListOrder(saved, rawOrder)], dropped: [], unknown: [], stops: [] }),
}
