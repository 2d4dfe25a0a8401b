// Owns the attempt to give a new guest on a host the environment of a saved one: which registers its VMM would write before the first instruction, which of
// them the kernel refuses, and what still differs then. Nothing runs. Says nothing in words but what a host refuses to make.
import { PMCR } from '../../arch/guest-view.ts'
import { type RegId, sveVlsId } from '../../arch/reg-id.ts'
import { BITMAP_BITS } from '../../arch/smccc.ts'
import { registerValue, valueBytes } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { type CheckTarget, isLive } from '../check/check-target.ts'
import type { LoadVcpu } from '../load/load-host.ts'
import { bornGuest, type GuestShape } from './born-guest.ts'
import { type ComponentDifference, compareEnvironments } from './compare.ts'
import type { ComponentName } from './components.ts'
import { type Environment, environmentOfSnapshot } from './environment.ts'

/** One register as its VMM would write it. */
export interface PinWrite {
  readonly vcpu: number
  readonly id: RegId
  readonly component: ComponentName
  readonly value: bigint
  /** What a new guest has there; undefined when the host lists no such register. */
  readonly fresh: bigint | undefined
  /** 0: taken. */
  readonly errno: number
  /** What it reads afterwards. */
  readonly readBack: bigint | undefined
}

export interface Offered {
  /** Of a guest of the same shape whose VMM writes no register. */
  readonly unpinned: readonly ComponentDifference[]
  readonly writes: readonly PinWrite[]
  /** When all that is taken was written. */
  readonly pinned: readonly ComponentDifference[]
  readonly environment: Environment
  /** As its VMM would save it then. */
  readonly guest: Snapshot
}

/** What the VMM of a snapshot chose, to be chosen again. */
export function shapeOf({ vcpus, gic, vm }: Snapshot, features: GuestShape['features']): GuestShape {
  return {
    ...(features ? { features } : {}),
    vcpus: vcpus.length,
    gic,
    ...(vm.systemSuspend === undefined ? {} : { systemSuspend: vm.systemSuspend }),
    ...(vm.writableImpIdRegs === undefined ? {} : { writableImpIdRegs: vm.writableImpIdRegs }),
    ...(vm.smcccFilter === undefined ? {} : { smcccFilter: vm.smcccFilter }),
  }
}

/** `saved` is the environment of `snapshot`. Throws BUILD_UNUSABLE where the host makes no guest of that shape. */
export function offer(host: CheckTarget, snapshot: Snapshot, saved: Environment, features: GuestShape['features']): Offered {
  const shape = shapeOf(snapshot, features)
  const sources = isLive(host) ? {} : { build: host }
  const fresh = bornGuest(host, shape)
  const unpinned = compareEnvironments(saved, environmentOfSnapshot(fresh, sources))
  const wanted = wantedWrites(snapshot, fresh, saved, unpinned)
  const isLength = ({ id }: Wanted): boolean => id === sveVlsId
  const done = new Map<Wanted, number>()
  const write = (vcpu: LoadVcpu, wish: Wanted): void => {
    const [errno = 0] = vcpu.setRegs(BigUint64Array.of(wish.id), valueBytes(wish.id, wish.value))
    done.set(wish, errno)
  }
  const guest = bornGuest(host, shape, {
    beforeFinalize: (vcpu, index) => {
      for (const wish of wanted) if (wish.vcpu === index && isLength(wish)) write(vcpu, wish)
    },
    beforeRun: vcpus => {
      // Twice: whether a kernel takes one ID register can depend on another.
      for (let round = 0; round < 2; round++) for (const wish of wanted) if (!isLength(wish) && done.get(wish) !== 0) write(vcpus[wish.vcpu]!, wish)
    },
  })
  const environment = environmentOfSnapshot(guest, sources)
  const writes = wanted.map(wish => ({ ...wish, errno: done.get(wish) ?? 0, readBack: registerValue(guest.vcpus[wish.vcpu]!.registers, wish.id) }))
  return { unpinned, writes, pinned: compareEnvironments(saved, environment), environment, guest }
}

interface Wanted {
  /** Its place among the vCPUs. */
  readonly vcpu: number
  readonly id: RegId
  readonly component: ComponentName
  readonly value: bigint
  readonly fresh: bigint | undefined
}

/** VM-wide: one write is enough. */
const VM_WIDE: ReadonlySet<ComponentName> = new Set(['psci', 'bitmaps', 'workarounds'])

function wantedWrites(snapshot: Snapshot, fresh: Snapshot, saved: Environment, unpinned: readonly ComponentDifference[]): readonly Wanted[] {
  const wanted = new Map<string, Wanted>()
  for (const { component, facts } of unpinned)
    for (const { id } of facts) {
      if (id === undefined) continue
      for (const [vcpu, { registers }] of (VM_WIDE.has(component) ? snapshot.vcpus.slice(0, 1) : snapshot.vcpus).entries()) {
        const own = registerValue(fresh.vcpus[vcpu]!.registers, id)
        const was = component === 'bitmaps' ? bitmapOf(saved, id, own ?? 0n) : registerValue(registers, id)
        // A register that the saved list lacks read zero to the guest.
        const value = id === PMCR && was !== undefined && own !== undefined ? (was & PMCR_FIXED) | (own & ~PMCR_FIXED) : (was ?? 0n)
        if (value !== own || component === 'workarounds') wanted.set(`${id} ${vcpu}`, { vcpu, id, component, value, fresh: own })
      }
    }
  return [...wanted.values()]
}

const PMCR_FIXED = 0xffff_f800n

/** The bits that were on; those that nobody knows stay as they are. */
function bitmapOf(saved: Environment, id: RegId, own: bigint): bigint {
  const part = saved.components.find(({ name }) => name === 'bitmaps')
  let value = 0n
  for (const { register, bit, name } of BITMAP_BITS) {
    if (register !== id) continue
    const isOn = part?.notKnown.includes(name) ? (own >> BigInt(bit)) & 1n : part?.facts.some(({ key }) => key === name) ? 1n : 0n
    value |= isOn << BigInt(bit)
  }
  return value
}

/** Bytes of a register's value as text: `0x…`. */
export const hexValue = (value: bigint): string => `0x${value.toString(16)}`
