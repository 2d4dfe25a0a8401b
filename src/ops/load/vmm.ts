// Owns which VMMs' load rules are known, and which one a file is for when nobody says. What each does is in its own file of this folder.
import { SnapError } from '../../errors.ts'
import { nearMatches } from '../../near-match.ts'

/** `kvm` is no VMM but the rule that KVM's documentation gives every VMM: write all registers blindly. */
export const VMM_IDS = ['kvm', 'qemu-10.0', 'qemu-11.1', 'firecracker', 'cloud-hypervisor'] as const
export type VmmId = (typeof VMM_IDS)[number]

/** Throws USAGE with near names. */
export function parseVmm(text: string): VmmId {
  const known = VMM_IDS.find(id => id === text.trim())
  if (known) return known
  const near = nearMatches(text.trim(), VMM_IDS)
  throw new SnapError(
    'USAGE',
    `there are no load rules for "${text.slice(0, 40)}"${near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`}`,
    {},
    { hint: `known: ${VMM_IDS.join(', ')}` },
  )
}
