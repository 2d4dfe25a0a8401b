// Owns deriving a kernel's rules from its recordings. One function a rule family; what a recording cannot show is in `inferred`.
import type { FirmwareBitmap, KernelRules, Provenance } from '../kernel-rules.ts'
import { firmwareRules } from './firmware-rules.ts'
import { idRegisterRules } from './id-register-rules.ts'
import { type NamedRecording, numeric, type Recording, setOf } from './recording.ts'
import { sysregTable } from './sysreg-table.ts'

const FIRMWARE = 0x6030_0000_0014_0000n
const BITMAP = 0x6030_0000_0016_0000n
const WA2 = FIRMWARE | 2n
const ENOENT = 2
const EINVAL = 22

/** Where a recording came from. One that a probe made says with what and where; the others were made with QEMU (recordings/README.md). */
export function provenanceOf({ name, sha256, recording }: NamedRecording): Provenance {
  const date = /\((\d{4}-\d{2}-\d{2})\)/.exec(recording.uname_v)?.[1] ?? recording.uname_v
  const { tool, meta, emulator, hostFirmware } = recording
  if (tool === undefined) return { recording: name, sha256, package: recording.package, uname: recording.uname_r, qemuCpu: recording.qemu_cpu, date }
  return {
    recording: name,
    sha256,
    uname: recording.uname_r,
    cpu: cpuText(recording.qemu_cpu, BigInt(meta.midr ?? '0x0')),
    tool,
    ...(recording.package === '' ? {} : { package: recording.package }),
    ...(emulator === undefined ? {} : { emulator }),
    ...(hostFirmware === undefined ? {} : { hostFirmware }),
    ...(recording.uname_v === '' ? {} : { unameVersion: recording.uname_v, date }),
    ...(meta.cmdline ? { commandLine: meta.cmdline } : {}),
  }
}

/** `cortex-a72 r0p3, MIDR_EL1 0x410fd083`. */
const cpuText = (name: string, midr: bigint): string => `${name} r${(midr >> 20n) & 0xfn}p${midr & 0xfn}, MIDR_EL1 0x${midr.toString(16)}`

/** Rules of one kernel release; all `recordings` are of it. `hardware` says what each QEMU CPU has under what newer kernels hide. */
export function kernelRules(recordings: readonly NamedRecording[], hardware: (cpu: string) => ReadonlyMap<number, bigint>): KernelRules {
  const first = recordings[0]
  if (!first) throw new Error('no recording to derive a kernel from')
  const inferred: string[] = []
  const all = recordings.map(each => each.recording)
  const table = sysregTable(recordings)
  const bitmaps = firmwareBitmaps(all)
  const encodings = table.rows.map(row => row.encoding)
  // In the older layout the timers stand before all system registers.
  const timersAreSysregs = encodings.indexOf(0xdf19) > encodings.indexOf(0xc000)
  const init = initRules(all, bitmaps.length > 0, inferred)
  const idRegisters = idRegisterRules(
    recordings,
    { timersAreSysregs, knowsEl2: (init.known & (1 << 7)) !== 0, knowsStrictPmu: (init.known & (1 << 9)) !== 0, hasBitmaps: bitmaps.length > 0, hardware },
    inferred,
  )
  const writesClidr = all.some(recording => (recording.idregs ?? []).some(pass => pass.regs.some(each => each.id.endsWith('c801') && each.low.includes(0))))
  const pfr1Writable = idRegisters.writable.get(0xc021) ?? 0n
  inferred.push('workaround2FollowsVm: as ID_AA64PFR1_EL1.SSBS is writable', 'timers.keepsCompare: as the timers are no system registers')
  return {
    release: first.recording.version,
    provenance: recordings.map(provenanceOf),
    inferred,
    sysregs: table.rows,
    psci: psciRules(all),
    workarounds: ([1, 2, 3] as const).filter(n => all.some(recording => baseValue(recording, FIRMWARE | BigInt(n)) !== undefined)),
    workaround2FollowsVm: (pfr1Writable & 0xf0n) !== 0n,
    workaround2: workaround2Rules(all, inferred),
    bitmaps,
    idRegisters,
    writableImpId: idRegisters.writable.has(0xc000),
    clidr: writesClidr ? 'checked' : 'invariant',
    demux: { policy: writesClidr ? 'virtual' : 'host', selectors: 14 },
    timers: {
      istatus: table.computesStatus ? 'computed' : 'absent',
      counterOffset: all.some(recording => recording.timer[0]?.offset_errno === 0),
      keepsCompare: !timersAreSysregs,
    },
    pmu: { setClear: setClearRule(all, table.pmcrHasRule, inferred), pmcrMask: 0xffn },
    init,
    mpStates: (all.find(recording => recording.mpstate[0])?.mpstate[0]?.rows ?? []).filter(row => row[1] === 0).map(row => row[0]),
    smcccFilter:
      all.some(recording => recording.smccc_filter?.[0]?.has_errno === 0) || all.some(recording => (recording.meta.caps.COUNTER_OFFSET?.[1] ?? 0) > 0),
    // The recording with the PSCI matrix shows more than the others.
    firmware: firmwareRules(all.find(recording => (recording.psci ?? []).length > 0) ?? first.recording),
    systemSuspend: all.some(recording => (recording.meta.caps.ARM_SYSTEM_SUSPEND?.[1] ?? 0) > 0),
  }
}

const baseValue = (recording: Recording, id: bigint): bigint | undefined =>
  numeric(setOf(recording, 'psci02')?.regs?.find(([text]) => BigInt(text) === id)?.[1])

function psciRules(all: readonly Recording[]): KernelRules['psci'] {
  const writes = all.flatMap(recording => recording.fwwrite).filter(each => BigInt(each.reg) === FIRMWARE)
  const accepted = (set: string): number[] => {
    const values = writes.filter(each => each.set === set).flatMap(each => each.rows.filter(row => row[1] === 0).map(row => Number(BigInt(row[0]))))
    return [...new Set(values)].sort((a, b) => a - b)
  }
  const initial = (set: string): number => Number(BigInt(writes.find(each => each.set === set && each.phase === 'pre')?.default ?? '0x1'))
  return { accepted: accepted('psci02'), initial: initial('psci02'), acceptedWithout02: accepted('psci01'), initialWithout02: initial('psci01') }
}

/** Which values of WORKAROUND_2 mean its low level (taken everywhere) and which its high one (taken where the host has it). */
function workaround2Rules(all: readonly Recording[], inferred: string[]): KernelRules['workaround2'] {
  const low = new Set<bigint>()
  const high = new Set<bigint>()
  for (const each of all.flatMap(recording => recording.fwwrite)) {
    if (BigInt(each.reg) !== WA2) continue
    for (const row of each.rows) if (row[1] === 0) (BigInt(each.default) === 0n ? low : high).add(BigInt(row[0]))
  }
  for (const value of low) high.delete(value)
  const sorted = (values: ReadonlySet<bigint>): bigint[] => [...values].sort((a, b) => (a < b ? -1 : 1))
  // Without a host of one level its values are the ones that the other kernels have, and the interface's definition gives.
  if (low.size === 0) inferred.push('workaround2.low: no host without it')
  if (high.size === 0) inferred.push('workaround2.high: no host with it')
  if (low.size === 0) {
    for (const value of [0n, 1n]) {
      low.add(value)
      high.delete(value)
    }
  }
  return { low: sorted(low), high: high.size > 0 ? sorted(high) : [2n, 3n, 0x12n] }
}

function firmwareBitmaps(all: readonly Recording[]): FirmwareBitmap[] {
  const found = new Map<number, FirmwareBitmap>()
  for (const each of all.flatMap(recording => recording.fwwrite)) {
    const id = BigInt(each.reg)
    if (id >> 16n !== BITMAP >> 16n || each.phase !== 'pre') continue
    const index = Number(id & 0xffffn)
    found.set(index, { index, bits: BigInt(each.bits_ok) | BigInt(each.default), initial: BigInt(each.default) })
  }
  return [...found.values()].sort((a, b) => a.index - b.index)
}

function setClearRule(all: readonly Recording[], pmcrHasRule: boolean, inferred: string[]): KernelRules['pmu']['setClear'] {
  const lost = all.some(recording =>
    (recording.restore ?? []).some(each => each.set === 'pmu' && each.vcpu0?.diff.some(([id, , after]) => id.endsWith('c4f1') && after === '0x0')),
  )
  if (lost) return 'set-clear'
  inferred.push('pmu.setClear: as PMCR_EL0 is plain storage or not')
  return pmcrHasRule ? 'masked' : 'store'
}

function initRules(all: readonly Recording[], hasBitmaps: boolean, inferred: string[]): KernelRules['init'] {
  const errs = all.find(recording => Object.keys(recording.errs).length > 0)?.errs ?? {}
  let known = 0x7f
  for (let bit = 7; bit < 32; bit++) if (errs[`init_feature_bit_${bit}`] !== ENOENT) known |= 1 << bit
  const tries = all.flatMap(recording => recording.regs.filter(set => set.set === 'aarch32' && !set.unsupported))
  if (tries.length === 0) inferred.push('init.widthCountsUninitialised: no host offers AArch32')
  const failsAarch32 = tries.length > 0 ? tries.some(set => set.fail === 'VCPU_INIT' && set.errno === EINVAL) : !hasBitmaps
  return {
    known: known >>> 0,
    sameFeatures: errs.mixed_v1_psci02_init === EINVAL,
    comparesPowerOff: errs.init_again_poweroff === EINVAL,
    // The host offers AArch32 and yet the first of two vCPUs was refused.
    widthCountsUninitialised: failsAarch32,
    e2h0Alone: errs.init_feature_bit_8 === 0,
  }
}
