// Owns the sections `fweffect` and `smccc_filter`: what a guest hears with one firmware register changed before its first run, and with the SMCCC
// filter set (probe.c: sec_fweffect).
import { getAbi64 } from '../../backends/kvm-abi.ts'
import { featureSet } from './feature-sets.ts'
import { GUEST } from './guest-words.ts'
import { type PlainRow, type ProbeContext, type ProbeVm, withVm } from './probe-vm.ts'
import { bitmap, fw, hex } from './registers.ts'
import { record, type Section, type SectionRecord, THOROUGH } from './section.ts'

const CALLS: readonly (readonly bigint[])[] = [
  [0x8400_0050n],
  [0x8400_0051n, 0x8400_0053n],
  [0x8000_0001n, 0xc500_0020n],
  [0xc500_0020n, 0xc500_0020n],
  [0xc500_0020n, 0xc500_0021n],
  [0xc500_0021n],
  [0x8600_ff01n],
  [0x8600_0000n],
  [0x8600_0001n],
  [0x8600_0040n],
  [0x8600_0041n],
  [0x8000_0000n],
  [0x8000_0001n, 0x8000_8000n],
  [0x8000_0001n, 0x8000_7fffn],
  [0x8000_0001n, 0x8000_3fffn],
  [0x8000_8000n],
  [0x8000_7fffn, 1n],
  [0x8000_3fffn],
  [0x8400_0000n],
  [0x8400_000an, 0x8000_0000n],
  [0x8400_000an, 0x8400_0050n],
]
const BITMAPS = [0, 1, 2, 3, 4, 5, 6, 7]
/** Above the highest bit that any kernel has, one more is tried and no further. */
const LAST_TRIED_BIT = 7
const LEVELS = [0n, 1n, 2n, 3n, 4n, 0x10n, 0x11n, 0x12n, 0x13n]

export const firmwareEffects: Section = {
  label: 'what firmware registers change for the guest',
  in: THOROUGH,
  *run(context) {
    const initial = withVm(context, featureSet('psci02'), vm => {
      if (vm.fail) return undefined
      const levels = [1, 2, 3, 4, 5, 6, 7].filter(n => vm.vcpu(0).getReg(fw(n)).errno === 0)
      return { bitmaps: BITMAPS.map(n => getAbi64(vm.vcpu(0), bitmap(n))), workarounds: Math.max(0, ...levels) }
    })
    if (!initial) return
    for (const [n, value] of initial.bitmaps.entries()) if (value !== undefined) yield* bitmapEffects(context, n, value)
    for (let n = 1; n <= initial.workarounds; n++) for (const level of LEVELS) yield effect(context, level, { id: fw(n), onlyAccepted: true, readsBack: true })
    yield withVm(context, featureSet('psci02'), vm => (vm.fail ? undefined : record('smccc_filter', filter(vm))))
  },
}

function* bitmapEffects(context: ProbeContext, n: number, initial: bigint): Generator<SectionRecord | undefined> {
  const id = bitmap(n)
  yield effect(context, 0n, { id })
  for (let bit = 0n; bit < 64n; bit++) if ((initial >> bit) & 1n) yield effect(context, initial & ~(1n << bit), { id })
  for (let bit = 0n; bit <= LAST_TRIED_BIT; bit++) if (((initial >> bit) & 1n) === 0n) yield effect(context, initial | (1n << bit), { id, onlyAccepted: true })
}

interface Effect {
  readonly id: ReturnType<typeof fw>
  readonly onlyAccepted?: boolean
  readonly readsBack?: boolean
}
function effect(context: ProbeContext, value: bigint, { id, onlyAccepted = false, readsBack = false }: Effect): SectionRecord | undefined {
  return withVm(context, featureSet('psci02'), vm => {
    if (vm.fail) return undefined
    const errno = vm.set(0, id, value)
    if (onlyAccepted && errno !== 0) return undefined
    const head = { reg: hex(id), val: hex(value), set_errno: errno, ...(readsBack ? { readback: vm.text(0, id) } : {}) }
    vm.setup(0)
    return record('fweffect', { ...head, calls: CALLS.map(x => vm.row(undefined, x)) })
  })
}

const FORWARD = 2
const DENY = 1

function filter(vm: ProbeVm): PlainRow {
  const out: PlainRow = { has_errno: vm.vm.hasSmcccFilter(), set_errno: vm.vm.setSmcccFilter({ base: 0x8400_0000, count: 1, action: FORWARD }) }
  if (out.set_errno !== 0) return out
  const deny = { base: 0x8400_0008, count: 1, action: DENY }
  out.deny_errno = vm.vm.setSmcccFilter(deny)
  out.arch_range_errno = vm.vm.setSmcccFilter({ base: 0x8000_0000, count: 1, action: FORWARD })
  vm.setup(0)
  out.calls = [
    vm.row('fwd', [0x8400_0000n, 1n, 2n, 3n]),
    vm.row('denied SYSTEM_OFF', [0x8400_0008n]),
    vm.row('handled', [0x8400_000an, 0x8400_0003n]),
    vm.row('fwd smc', [0x8400_0000n, 1n, 2n, 3n], GUEST.smc0),
  ]
  out.postrun_set_errno = vm.vm.setSmcccFilter(deny)
  return out
}
