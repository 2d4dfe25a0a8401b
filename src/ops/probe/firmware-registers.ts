// Owns the sections `fwwrite`, `fwhidden`, `fwrun`, `fwreinit` and `postver`: every value and bit of every firmware register, before and after the
// first run, through either vCPU (probe.c: sec_fw, fwrows, sec_misc).
import type { RegId } from '../../arch/reg-id.ts'
import { FEATURE_BIT, featureSet } from './feature-sets.ts'
import { GUEST } from './guest-words.ts'
import { describeExit, isOffered, type Plain, type PlainRow, type ProbeContext, type ProbeVm, returned, withVm } from './probe-vm.ts'
import { bitmap, fw, hex, xReg } from './registers.ts'
import { ALL_EXTENTS, failed, record, type Section, type SectionRecord, THOROUGH } from './section.ts'

const MOST = 32
const PSCI_VALUES = [0n, 1n, 2n, 3n, 0x10000n, 0x10001n, 0x10002n, 0x10003n, 0x10004n, 0x10005n, 0x20000n, 0x20001n, 0xffffn, 0xffff_ffffn, -1n]
const PSCI_WIDE = [0x1_0001_0000n, 0x1_0000_0002n]
const LEVELS = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 0xfn, 0x10n, 0x11n, 0x12n, 0x13n, 0x14n, 0x20n, 0x100n, 0xffff_ffffn, -1n]
const coprocOf = (id: bigint): number => Number((id >> 16n) & 0xfffn)
const isFirmware = (id: bigint): boolean => coprocOf(id) === 0x14
const isFirmwareOrBitmap = (id: bigint): boolean => isFirmware(id) || (coprocOf(id) >= 0x16 && coprocOf(id) < 0x20)

/** What is tried on a register. A PSCI version, a workaround's level or a bitmap. */
function valuesFor(id: bigint, initial: bigint): readonly bigint[] {
  if (isFirmware(id) && (id & 0xffffn) === 0n) return [initial, ...PSCI_VALUES, ...PSCI_WIDE]
  if (isFirmware(id)) return [initial, ...LEVELS, 0x1_0000_0000n | initial, 0x1_0000_0000n]
  return [initial, 0n, -1n, initial | (1n << 63n), initial >> 1n, initial | 4n, initial & 1n, initial & 2n]
}

export const firmwareWrites: Section = {
  label: 'firmware registers',
  in: ALL_EXTENTS,
  *run(context) {
    for (const name of ['psci02', 'psci01', 'sve']) yield* writesOf(context, name)
  },
}

function writesOf(context: ProbeContext, name: string): readonly SectionRecord[] {
  const set = featureSet(name)
  if (!isOffered(context, set)) return []
  return withVm(context, set, vm => {
    if (vm.fail) return [record('fwfail', { set: name, ...failed(vm) })]
    const out: SectionRecord[] = []
    const ids = [...vm.vcpu(0).regList().ids].filter(isFirmwareOrBitmap).slice(0, MOST) as RegId[]
    // Registers that answer without being listed are written to as well.
    for (const { id, value } of hidden(vm, new Set(ids))) {
      out.push(record('fwhidden', { set: name, reg: hex(id), val: value }))
      if (ids.length < MOST) ids.push(id)
    }
    const all = (phase: string): void => {
      for (const id of ids) for (const via of [0, 1]) out.push(record('fwwrite', { set: name, reg: hex(id), phase, via, ...writeRows(vm, id, via) }))
    }
    all('pre')
    out.push(record('fwrun', { set: name, ...describeExit(vm.firstRun()) }))
    all('post')
    return out
  })
}

function hidden(vm: ProbeVm, listed: ReadonlySet<bigint>): readonly { readonly id: RegId; readonly value: string }[] {
  const found: { id: RegId; value: string }[] = []
  for (let coproc = 0x14n; coproc < 0x20n; coproc++)
    for (let n = 0n; n < 16n && coproc !== 0x15n; n++) {
      const id = (0x6030_0000_0000_0000n | (coproc << 16n) | n) as RegId
      if (!listed.has(id) && vm.vcpu(0).getReg(id).errno === 0) found.push({ id, value: vm.text(0, id) })
    }
  return found
}

/** fwrows() */
function writeRows(vm: ProbeVm, id: RegId, via: number): PlainRow {
  const other = 1 - via
  const initial = vm.get(via, id)
  const head = { default: hex(initial), other_default: vm.text(other, id) }
  const rows = valuesFor(id, initial).map((value): Plain => {
    const wanted = BigInt.asUintN(64, value)
    const errno = vm.set(via, id, wanted)
    const row: Plain[] = [hex(wanted), errno, vm.text(via, id), vm.text(other, id)]
    const restored = vm.set(via, id, initial)
    const read = vm.get(via, id)
    return restored || read !== initial ? [...row, restored, hex(read)] : row
  })
  let accepted = 0n
  const refused = new Map<number, bigint>()
  for (let bit = 0n; bit < 64n; bit++) {
    const errno = vm.set(via, id, 1n << bit)
    if (errno === 0) accepted |= 1n << bit
    else refused.set(errno, (refused.get(errno) ?? 0n) | (1n << bit))
    vm.set(via, id, initial)
  }
  const bitsErr = Object.fromEntries([...refused].map(([errno, mask]) => [String(errno), hex(mask)]))
  return { ...head, rows, bits_ok: hex(accepted), bits_err: bitsErr, final: vm.text(via, id) }
}

const PSCI_VERSION = 0x8400_0000n
const PSCI_FEATURES = 0x8400_000an
const SYSTEM_OFF2 = 0x8400_0015n
/** Written in turn through vCPU 0 and 1; the first is not written. */
const LATE_VERSIONS = [0n, 2n, 0x10000n, 0x10001n, 0x10002n, 0x10003n, 2n]

export const firmwareOverTime: Section = {
  label: 'firmware registers over a reset and after the first run',
  in: THOROUGH,
  *run(context) {
    const again = withVm(context, featureSet('psci02'), vm => (vm.fail ? undefined : overReset(vm)))
    if (again) yield record('fwreinit', { rows: again })
    const late = withVm(context, featureSet('psci02'), vm => (vm.fail ? undefined : afterRun(vm)))
    if (late) yield record('postver', { rows: late })
  },
}

function overReset(vm: ProbeVm): readonly Plain[] {
  const ids = [0, 1, 2, 3].map(fw).concat([0, 1, 2, 3, 4, 5, 6, 7].map(bitmap))
  return ids
    .filter(id => vm.vcpu(0).getReg(id).errno === 0)
    .map((id, n): Plain => {
      const initial = vm.text(0, id)
      const value = n === 0 ? 2n : 0n
      const errno = vm.set(0, id, value)
      const read = vm.text(0, id)
      return [hex(id), initial, hex(value), errno, read, vm.init(0, FEATURE_BIT.psci02), vm.text(0, id)]
    })
}

function afterRun(vm: ProbeVm): readonly Plain[] {
  vm.setup(0)
  const heard = (x: readonly bigint[]): string => (returned(vm.call(0, GUEST.hvc0, x)) ? vm.text(0, xReg(0)) : '0xdead')
  return LATE_VERSIONS.map((version, n): Plain => {
    const errno = n === 0 ? -1 : vm.set(n & 1, fw(0), version)
    return [hex(version), n & 1, errno, heard([PSCI_VERSION]), heard([PSCI_FEATURES, SYSTEM_OFF2])]
  })
}
