// Owns the comparison of ID registers: each nibble lowered and raised before and after the first run, the writable masks, writability of
// the implementation ids, effects on the other vCPU and over KVM_ARM_VCPU_INIT (probe.c: sec_id, idpass, sec_misc).
import { KVM_CAP } from '../../../src/emulator/kvm/abi.ts'
import type { Vcpu } from '../../../src/emulator/kvm/vcpu.ts'
import { bareVm, firstRun, getReg64, hex, isTried, newVm, probeSet, setReg64, sysreg } from '../abi-vm.ts'
import type { Family, Plain, RecordingContext, Row } from '../family.ts'

/** A value was taken but reads back differently. */
const DIFFERS = 1000
const SETS = ['psci02', 'all']

const isId = (id: bigint): boolean => {
  const op0 = (id >> 14n) & 3n
  const op1 = (id >> 11n) & 7n
  return ((id >> 16n) & 0xfffn) === 0x13n && op0 === 3n && ((id >> 7n) & 15n) === 0n && (op1 === 0n || op1 === 1n || op1 === 3n)
}

function probeRegister(vcpu: Vcpu, id: bigint): Record<string, Plain> {
  const def = getReg64(vcpu, id)
  const same = setReg64(vcpu, id, def)
  let bad = 0
  const attempt = (value: bigint): number => {
    const errno = setReg64(vcpu, id, value)
    if (errno) return errno
    const differs = getReg64(vcpu, id) !== value
    if (setReg64(vcpu, id, def) || getReg64(vcpu, id) !== def) bad++
    return differs ? DIFFERS : 0
  }
  const nibbles = Array.from({ length: 16 }, (_, k) => BigInt(4 * k))
  const low = nibbles.map(shift => (((def >> shift) & 15n) === 0n ? -1 : attempt(def - (1n << shift))))
  const high = nibbles.map(shift => (((def >> shift) & 15n) === 15n ? -1 : attempt(def + (1n << shift))))
  const zero = attempt(0n)
  return { id: hex(id), val: hex(def), same, low, high, zero, ...(bad ? { unrestored: bad } : {}) }
}

export const idregs: Family = {
  name: 'idregs',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    for (const name of SETS) {
      const set = probeSet(name)
      if (!isTried(build, set)) continue
      const made = newVm(build, set)
      const v0 = made.vcpus[0]!
      const ids = [...v0.regList().ids].filter(isId)
      for (const phase of ['pre', 'post'] as const) {
        if (phase === 'post') firstRun(made)
        const theirs = new Map(
          (recording.idregs ?? []).filter(each => each.set === name && each.phase === phase).flatMap(each => each.regs.map(r => [r.id, r])),
        )
        if (theirs.size === 0) continue
        for (const id of ids) {
          const text = hex(id)
          const mine = probeRegister(v0, id)
          const recorded = theirs.get(text)
          theirs.delete(text)
          for (const key of ['val', 'same', 'low', 'high', 'zero', 'unrestored'] as const)
            yield { key: `${name} ${phase} ${text} ${key}`, expected: recorded?.[key], actual: mine[key] }
        }
        for (const id of theirs.keys()) yield { key: `${name} ${phase} ${id}`, expected: true, actual: false }
      }
    }
  },
}

export const idmasks: Family = {
  name: 'idmasks',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    for (const name of SETS) {
      const set = probeSet(name)
      const recorded = recording.idmasks?.find(each => each.set === name)
      if (!isTried(build, set) || !recording.complete) continue
      const { vm } = newVm(build, set)
      const asked = vm.checkExtension(230) > 0
      yield { key: `${name} asked`, expected: recorded !== undefined, actual: asked }
      if (!recorded || !asked) continue
      const mine = vm.writableMasks()
      yield { key: `${name} errno`, expected: recorded.errno, actual: mine.errno }
      const masks = new Map(mine.masks.map(([id, mask]) => [hex(id), hex(mask)]))
      const theirs = new Map(recorded.masks)
      for (const id of new Set([...masks.keys(), ...theirs.keys()])) yield { key: `${name} ${id}`, expected: theirs.get(id), actual: masks.get(id) }
    }
  },
}

const IMPLEMENTATION_IDS = [sysreg(3, 0, 0, 0, 0), sysreg(3, 0, 0, 0, 6), sysreg(3, 1, 0, 0, 7)]

export const impid: Family = {
  name: 'impid',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    const recorded = recording.impid?.[0]
    if (!recorded) return
    if (recorded.enable_after_vcpu_errno !== undefined)
      yield { key: 'enable after vcpu', expected: recorded.enable_after_vcpu_errno, actual: bareVm(build, 1).vm.enableCapability(KVM_CAP.writableImpIdRegs) }
    // The first version of the probe, whose recordings lack the row above, enabled the capability on a VM that had vCPUs already.
    const enabledLate = recorded.enable_after_vcpu_errno === undefined
    let enableErrno = 0
    const enable = (vm: { enableCapability(capability: number): number }): void => {
      enableErrno = vm.enableCapability(KVM_CAP.writableImpIdRegs)
    }
    const { vm, vcpus } = bareVm(build, 2, enabledLate ? undefined : enable)
    if (enabledLate) enable(vm)
    const [a, b] = vcpus as [Vcpu, Vcpu]
    a.init(4)
    b.init(4)
    yield { key: 'enable', expected: recorded.enable_errno, actual: enableErrno }
    for (const [i, id] of IMPLEMENTATION_IDS.entries()) {
      const def = getReg64(a, id)
      const set = setReg64(a, id, def ^ 1n)
      const reads = [hex(getReg64(a, id)), hex(getReg64(b, id))]
      yield { key: hex(id), expected: recorded.rows[i] as Plain, actual: [hex(id), hex(def), set, ...reads, setReg64(a, id, def)] }
    }
  },
}

const VM_WIDE_IDS = [
  sysreg(3, 0, 0, 6, 0),
  sysreg(3, 0, 0, 6, 1),
  sysreg(3, 0, 0, 4, 0),
  sysreg(3, 0, 0, 7, 0),
  sysreg(3, 0, 0, 5, 0),
  sysreg(3, 3, 0, 0, 1),
  sysreg(3, 0, 0, 0, 5),
]

export const idvm: Family = {
  name: 'idvm',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    const recorded = recording.idvm[0]
    if (!recorded) return
    const [a, b] = newVm(build, probeSet('psci02')).vcpus as [Vcpu, Vcpu]
    for (const [i, id] of VM_WIDE_IDS.entries()) {
      const def = getReg64(a, id)
      let written = 0n
      let errno = 22
      for (let k = 0n; k < 16n && errno; k++) {
        if (((def >> (4n * k)) & 15n) === 0n) continue
        written = def - (1n << (4n * k))
        errno = setReg64(a, id, written)
      }
      yield { key: hex(id), expected: recorded.rows[i] as Plain, actual: [hex(id), hex(def), hex(written), errno, hex(getReg64(a, id)), hex(getReg64(b, id))] }
    }
    yield { key: 'reinit', expected: recorded.reinit, actual: a.init(4) }
    yield { key: 'after_reinit', expected: recorded.after_reinit, actual: VM_WIDE_IDS.map(id => hex(getReg64(a, id))) }
    yield { key: 'n_after', expected: recorded.n_after, actual: a.regList().n }
  },
}
