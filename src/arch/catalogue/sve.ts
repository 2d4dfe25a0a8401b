// Owns the rows of the SVE registers. KVM has used slice 0 only, in every release up to 7.3. Source: facts/kvm-arm64-rules.md §1.
import type { RegId } from '../reg-id.ts'
import type { RegisterRow } from './row.ts'

const LISTED = 'vCPU feature sve, once finalized'
const row = (id: bigint, bytes: number, name: string, meaning: string, more: Partial<RegisterRow> = {}): RegisterRow => ({
  id: id as RegId,
  name,
  class: 'sve',
  group: 'gated',
  scope: 'vcpu',
  bytes,
  meaning,
  aliases: [],
  listed: LISTED,
  write: 'plain',
  since: '5.2',
  ...more,
})

export const sveRows = (): readonly RegisterRow[] => [
  row(0x6060_0000_0015_ffffn, 64, 'KVM_REG_ARM64_SVE_VLS', 'set of vector lengths: bit n stands for n + 1 quadwords', {
    listed: 'vCPU feature sve; readable before finalize too',
    write: 'before-finalize',
    quirk: 'must be written between KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE; EPERM afterwards',
  }),
  ...Array.from({ length: 32 }, (_, n) =>
    row(0x6080_0000_0015_0000n | BigInt(n << 5), 256, `Z${n}`, `scalable vector register ${n}; its low 128 bits are V${n}`),
  ),
  ...Array.from({ length: 16 }, (_, n) => row(0x6050_0000_0015_0400n | BigInt(n << 5), 32, `P${n}`, `scalable predicate register ${n}`)),
  row(0x6050_0000_0015_0600n, 32, 'FFR', 'first-fault register'),
]
