// Owns the sections `idvm`, `idmasks`, `impid` and `idregs`: what of the ID registers userspace may change, when, and for whom (probe.c: sec_id, sec_misc).
import { COPROC, type RegId, regBytes, regCoproc, sysRegEncoding } from '../../arch/reg-id.ts'
import { FEATURE_BIT, featureSet } from './feature-sets.ts'
import { isOffered, type Plain, type PlainRow, type ProbeContext, ProbeVm, withBareVm, withVm } from './probe-vm.ts'
import { hex, MPIDR, sysreg } from './registers.ts'
import { record, type Section, type SectionRecord, THOROUGH } from './section.ts'

const WRITABLE_MASKS = 230
const WRITABLE_IMP_ID = 239
/** A value was taken and reads back differently. */
const DIFFERS = 1000
const EINVAL = 22
const VM_WIDE = [
  sysreg(3, 0, 0, 6, 0),
  sysreg(3, 0, 0, 6, 1),
  sysreg(3, 0, 0, 4, 0),
  sysreg(3, 0, 0, 7, 0),
  sysreg(3, 0, 0, 5, 0),
  sysreg(3, 3, 0, 0, 1),
  MPIDR,
]
const IMPLEMENTATION = [sysreg(3, 0, 0, 0, 0), sysreg(3, 0, 0, 0, 6), sysreg(3, 1, 0, 0, 7)]
const NIBBLES = Array.from({ length: 16 }, (_, n) => BigInt(4 * n))

export const idRegistersOfVm: Section = {
  label: 'ID registers of the whole VM',
  in: THOROUGH,
  *run(context) {
    const found = withVm(context, featureSet('psci02'), vm => (vm.fail ? undefined : vmWide(vm)))
    if (found) yield record('idvm', found)
  },
}

function vmWide(vm: ProbeVm): PlainRow {
  const rows = VM_WIDE.map((id): Plain => {
    const initial = vm.get(0, id)
    let written = 0n
    let errno = EINVAL
    for (const shift of NIBBLES) {
      if (!errno || ((initial >> shift) & 15n) === 0n) continue
      written = initial - (1n << shift)
      errno = vm.set(0, id, written)
    }
    return [hex(id), hex(initial), hex(written), errno, vm.text(0, id), vm.text(1, id)]
  })
  const reinit = vm.init(0, FEATURE_BIT.psci02)
  const after = VM_WIDE.map(id => vm.text(0, id))
  const list = vm.vcpu(0).regList()
  return { rows, reinit, after_reinit: after, n_after: list.errno ? -list.errno : list.ids.length }
}

export const idRegisters: Section = {
  label: 'ID registers',
  in: THOROUGH,
  *run(context) {
    for (const name of ['psci02', 'all']) {
      const set = featureSet(name)
      if (!isOffered(context, set)) continue
      const [masks, ...passes] = withVm(context, set, vm => (vm.fail ? [] : passesOf(vm, name)))
      if (masks) yield masks
      if (name === 'psci02') yield record('impid', implementationIds(context))
      yield* passes
    }
  },
}

function passesOf(vm: ProbeVm, name: string): readonly (SectionRecord | undefined)[] {
  const ids = ([...vm.vcpu(0).regList().ids] as RegId[]).filter(isIdRegister)
  const pass = (phase: string): SectionRecord => record('idregs', { set: name, phase, regs: ids.map(id => tried(vm, id)) })
  const masks = masksOf(vm, name)
  const before = pass('pre')
  vm.firstRun()
  return [masks, before, pass('post')]
}

function masksOf(vm: ProbeVm, name: string): SectionRecord | undefined {
  if (vm.vm.checkExtension(WRITABLE_MASKS) <= 0) return undefined
  const { errno, masks } = vm.vm.writableMasks()
  return record('idmasks', { set: name, errno, masks: masks.map(([id, mask]): Plain => [hex(id), hex(mask)]) })
}

function isIdRegister(id: RegId): boolean {
  if (regCoproc(id) !== COPROC.sysreg || regBytes(id) !== 8) return false
  const { op0, op1, crn } = sysRegEncoding(id)
  return op0 === 3 && crn === 0 && (op1 === 0 || op1 === 1 || op1 === 3)
}

/** idpass(): each field one less and one more, then 0; what was taken is taken back. */
function tried(vm: ProbeVm, id: RegId): PlainRow {
  const initial = vm.get(0, id)
  const same = vm.set(0, id, initial)
  let unrestored = 0
  const attempt = (value: bigint): number => {
    const errno = vm.set(0, id, value)
    if (errno) return errno
    const differs = vm.get(0, id) !== value
    if (vm.set(0, id, initial) || vm.get(0, id) !== initial) unrestored++
    return differs ? DIFFERS : 0
  }
  const field = (shift: bigint): bigint => (initial >> shift) & 15n
  const low = NIBBLES.map(shift => (field(shift) === 0n ? -1 : attempt(initial - (1n << shift))))
  const high = NIBBLES.map(shift => (field(shift) === 15n ? -1 : attempt(initial + (1n << shift))))
  const zero = attempt(0n)
  return { id: hex(id), val: hex(initial), same, low, high, zero, ...(unrestored ? { unrestored } : {}) }
}

/** KVM_CAP_ARM_WRITABLE_IMP_ID_REGS has to be enabled before there are vCPUs. */
function implementationIds(context: ProbeContext): PlainRow {
  const late = withBareVm(context, 1, vm => vm.vm.enableCapability(WRITABLE_IMP_ID))
  const vm = new ProbeVm(context, 0)
  try {
    const enabled = vm.vm.enableCapability(WRITABLE_IMP_ID)
    vm.addVcpus(2)
    for (const index of [0, 1]) vm.init(index, FEATURE_BIT.psci02)
    const rows = IMPLEMENTATION.map((id): Plain => {
      const initial = vm.get(0, id)
      const errno = vm.set(0, id, initial ^ 1n)
      return [hex(id), hex(initial), errno, vm.text(0, id), vm.text(1, id), vm.set(0, id, initial)]
    })
    return { enable_after_vcpu_errno: late, enable_errno: enabled, rows }
  } finally {
    vm.close()
  }
}
