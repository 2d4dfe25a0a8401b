// Owns the comparison of firmware-register writes: every value and bit, before and after the first run, through either vCPU; what a
// second KVM_ARM_VCPU_INIT keeps; registers that answer without being listed (probe.c: sec_fw, fwrows, sec_misc).
import type { Vcpu } from '../../../src/emulator/kvm/vcpu.ts'
import { bitmap, firstRun, fw, getReg64, hex, isTried, newVm, probeSet, setReg64 } from '../abi-vm.ts'
import type { Family, Plain, RecordingContext, Row } from '../family.ts'

const PSCI_VALUES = [
  0n,
  1n,
  2n,
  3n,
  0x10000n,
  0x10001n,
  0x10002n,
  0x10003n,
  0x10004n,
  0x10005n,
  0x20000n,
  0x20001n,
  0xffffn,
  0xffff_ffffn,
  -1n,
  0x1_0001_0000n,
  0x1_0000_0002n,
]
const valuesFor = (id: bigint, def: bigint): readonly bigint[] => {
  const isFirmware = ((id >> 16n) & 0xfffn) === 0x14n
  if (isFirmware && (id & 0xffffn) === 0n) return [def, ...PSCI_VALUES]
  if (isFirmware)
    return [def, 0n, 1n, 2n, 3n, 4n, 5n, 6n, 0xfn, 0x10n, 0x11n, 0x12n, 0x13n, 0x14n, 0x20n, 0x100n, 0xffff_ffffn, -1n, 0x1_0000_0000n | def, 0x1_0000_0000n]
  return [def, 0n, -1n, def | (1n << 63n), def >> 1n, def | 4n, def & 1n, def & 2n]
}

/** The probe's fwrows, as the object that it printed. */
function writeRows(vcpus: readonly Vcpu[], id: bigint, via: 0 | 1): Record<string, Plain> {
  const v = vcpus[via]!
  const o = vcpus[1 - via]!
  const def = getReg64(v, id)
  const head = { default: hex(def), other_default: hex(getReg64(o, id)) }
  const rows = valuesFor(id, def).map(value => {
    const wanted = BigInt.asUintN(64, value)
    const errno = setReg64(v, id, wanted)
    const row: Plain[] = [hex(wanted), errno, hex(getReg64(v, id)), hex(getReg64(o, id))]
    const restored = setReg64(v, id, def)
    return restored || getReg64(v, id) !== def ? [...row, restored, hex(getReg64(v, id))] : row
  })
  let ok = 0n
  const refused = new Map<number, bigint>()
  for (let k = 0n; k < 64n; k++) {
    const errno = setReg64(v, id, 1n << k)
    if (errno === 0) ok |= 1n << k
    else refused.set(errno, (refused.get(errno) ?? 0n) | (1n << k))
    setReg64(v, id, def)
  }
  return {
    ...head,
    rows,
    bits_ok: hex(ok),
    bits_err: Object.fromEntries([...refused].map(([errno, mask]) => [String(errno), hex(mask)])),
    final: hex(getReg64(v, id)),
  }
}

export const fwwrite: Family = {
  name: 'fwwrite',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    for (const name of ['psci02', 'psci01', 'sve']) {
      const set = probeSet(name)
      const recorded = recording.fwwrite.filter(each => each.set === name)
      if (!isTried(build, set)) {
        yield { key: `${name} tried`, expected: recorded.length > 0, actual: false }
        continue
      }
      const made = newVm(build, set)
      const ids = [...made.vcpus[0]!.regList().ids].filter(id => {
        const coproc = Number((id >> 16n) & 0xfffn)
        return coproc === 0x14 || coproc === 0x16
      })
      for (const phase of ['pre', 'post'] as const) {
        if (phase === 'post') firstRun(made)
        for (const id of ids)
          for (const via of [0, 1] as const) {
            const theirs = recorded.find(each => BigInt(each.reg) === id && each.phase === phase && each.via === via)
            const mine = writeRows(made.vcpus, id, via)
            const at = `${name} ${hex(id)} ${phase} via ${via}`
            if (!theirs) {
              yield { key: at, expected: undefined, actual: mine }
              continue
            }
            for (const key of ['default', 'other_default', 'bits_ok', 'bits_err', 'final'] as const)
              yield { key: `${at} ${key}`, expected: theirs[key] as Plain, actual: mine[key] }
            const rows = mine.rows as readonly Plain[]
            for (let i = 0; i < Math.max(rows.length, theirs.rows.length); i++)
              yield { key: `${at} row ${i}`, expected: theirs.rows[i] as Plain, actual: rows[i] }
          }
      }
      for (const theirs of recorded) if (!ids.includes(BigInt(theirs.reg))) yield { key: `${name} ${theirs.reg} listed`, expected: true, actual: false }
    }
  },
}

export const fwhidden: Family = {
  name: 'fwhidden',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    for (const name of ['psci02', 'psci01', 'sve']) {
      const set = probeSet(name)
      if (!isTried(build, set)) continue
      const vcpu = newVm(build, set).vcpus[0]!
      const listed = new Set(vcpu.regList().ids)
      const hidden: string[] = []
      for (let coproc = 0x14n; coproc < 0x20n; coproc++)
        for (let r = 0n; r < 16n; r++) {
          const id = 0x6030_0000_0000_0000n | (coproc << 16n) | r
          if (coproc !== 0x15n && !listed.has(id) && vcpu.get64(id) !== undefined) hidden.push(hex(id))
        }
      yield { key: name, expected: (recording.fwhidden ?? []).filter(each => each.set === name).map(each => each.reg), actual: hidden }
    }
  },
}

export const fwreinit: Family = {
  name: 'fwreinit',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    const vcpu = newVm(build, probeSet('psci02')).vcpus[0]!
    const mine: Plain[][] = []
    for (let k = 0; k < 12; k++) {
      const id = k < 4 ? fw(k) : bitmap(k - 4)
      const def = vcpu.get64(id)
      if (def === undefined) continue
      const value = k === 0 ? 2n : 0n
      const errno = setReg64(vcpu, id, value)
      const read = getReg64(vcpu, id)
      const again = vcpu.init(4)
      mine.push([hex(id), hex(def), hex(value), errno, hex(read), again, hex(getReg64(vcpu, id))])
    }
    const theirs = recording.fwreinit[0]?.rows ?? []
    for (let i = 0; i < Math.max(mine.length, theirs.length); i++) yield { key: `row ${i}`, expected: theirs[i] as Plain, actual: mine[i] }
  },
}
