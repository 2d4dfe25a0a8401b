// Owns which system registers a guest reads and writes where: plain ones in the KVM store's slots, identification from the VM, counters and
// timers from the clock. What a build announces and this machine does not do yet is refused, never silently UNDEFINED. Knows no instruction.
import { COPROC, sysRegId } from '../../arch/reg-id.ts'
import { COUNTER_HZ } from '../board/memory-map.ts'
import type { SysRegMap, SysRegSlot } from '../cpu/engine.ts'
import type { Gic } from '../devices/gic/gic.ts'
import { isIcc } from '../devices/gic/icc.ts'
import type { VcpuAbi, VmAbi } from '../kvm/abi.ts'
import type { Vcpu } from '../kvm/vcpu.ts'
import { VCPU_STATE } from '../state-layout.ts'
import type { TimerName, Timers } from './timers.ts'

const encoding = (op0: number, op1: number, crn: number, crm: number, op2: number): number => (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2
const idOf = (enc: number): bigint => sysRegId(enc >> 14, (enc >> 11) & 7, (enc >> 7) & 15, (enc >> 3) & 15, enc & 7)

const MIDR = encoding(3, 0, 0, 0, 0)
const MPIDR = encoding(3, 0, 0, 0, 5)
const REVIDR = encoding(3, 0, 0, 0, 6)
const CCSIDR = encoding(3, 1, 0, 0, 0)
const CLIDR = encoding(3, 1, 0, 0, 1)
const AIDR = encoding(3, 1, 0, 0, 7)
const CSSELR = encoding(3, 2, 0, 0, 0)
const CTR = encoding(3, 3, 0, 0, 1)
const DCZID = encoding(3, 3, 0, 0, 7)
const CNTFRQ = encoding(3, 3, 14, 0, 0)
const CNTPCT = encoding(3, 3, 14, 0, 1)
const CNTVCT = encoding(3, 3, 14, 0, 2)
const OSLAR = encoding(2, 0, 1, 0, 4)
const OSLSR = encoding(2, 0, 1, 1, 4)
const OSDLR = encoding(2, 0, 1, 3, 4)
const RNDR = encoding(3, 3, 2, 4, 0)
const RNDRRS = encoding(3, 3, 2, 4, 1)
const ISAR0 = encoding(3, 0, 0, 6, 0)
/** DC ZVA clears 64 bytes, as on every recorded CPU model; KVM has no register for it. */
const DCZID_VALUE = 4n
/** Only the OS lock itself: OSLSR_EL1.OSLK. */
const OSLK = 2n
const PMU_FEATURE = 1 << 3

const isIdSpace = (enc: number): boolean => enc >> 7 === ID_SPACE && ((enc >> 3) & 15) > 0 && ((enc >> 3) & 15) < 8
const ID_SPACE = encoding(3, 0, 0, 0, 0) >> 7
const op1Of = (enc: number): number => (enc >> 11) & 7
const crnOf = (enc: number): number => (enc >> 7) & 15
const crmOf = (enc: number): number => (enc >> 3) & 15
const isPmu = (enc: number): boolean => {
  const [op1, crn, crm] = [op1Of(enc), crnOf(enc), crmOf(enc)]
  return enc >> 14 === 3 && ((crn === 9 && (op1 === 0 || op1 === 3) && crm >= 12 && crm <= 14) || (op1 === 3 && crn === 14 && crm >= 8))
}
const isTimer = (enc: number): boolean => enc >> 9 === TIMERS && crmOf(enc) <= 3
const TIMERS = encoding(3, 3, 14, 0, 0) >> 9

/** Registers of `vcpu` that are storage, for the engine: those this kernel lists for it, but for timers, PMU, identification and EL2's. */
export function storedRegisters(vcpu: VcpuAbi): SysRegMap {
  const slots = new Map<number, SysRegSlot>()
  const readOnly = new Set([MPIDR, CLIDR, OSLSR])
  for (const { encoding: enc } of vcpu.vm.build.kernel.sysregs) {
    const [op1, crn] = [op1Of(enc), crnOf(enc)]
    const identification = crn === 0 && enc >> 14 === 3 && enc !== CSSELR && !readOnly.has(enc)
    if (identification || isTimer(enc) || isPmu(enc) || op1 === 4 || op1 === 5) continue
    const offset = vcpu.offsetOf(idOf(enc))
    if (offset === undefined || vcpu.get64(idOf(enc)) === undefined) continue
    slots.set(enc, { slot: (offset - VCPU_STATE.sysregs) / 8, ...(readOnly.has(enc) ? { readOnly: true } : {}) })
  }
  return slots
}

/** Identification registers by encoding, for the engine's choice of instructions. */
export function identification(vm: VmAbi): ReadonlyMap<number, bigint> {
  const values = new Map<number, bigint>([
    [CTR, vm.idRegister(idOf(CTR))],
    [DCZID, DCZID_VALUE],
  ])
  for (let crm = 1; crm < 8; crm++) for (let op2 = 0; op2 < 8; op2++) values.set(encoding(3, 0, 0, crm, op2), vm.idRegister(sysRegId(3, 0, 0, crm, op2)))
  return values
}

/** `refuse` notes what the guest asked for that this machine does not do; the access then reads as UNDEFINED and the run is abandoned. */
export type Refuse = (what: string) => void

/** What one vCPU's system registers are answered from. */
export interface RegisterSources {
  readonly vcpu: Vcpu
  readonly timers: Timers
  readonly refuse: Refuse
}

/** `now` is machine time. Undefined: the register does not exist for this vCPU. `cpu` is its position. */
export function readRegister({ vcpu, timers, refuse }: RegisterSources, gic: Gic | undefined, cpu: number, enc: number, now: number): bigint | undefined {
  switch (enc) {
    case CNTVCT:
      return vcpu.virtualCount()
    case CNTPCT:
      return vcpu.physicalCount()
    case CNTFRQ:
      return BigInt(COUNTER_HZ)
    case DCZID:
      return DCZID_VALUE
    case CCSIDR:
      return cacheSize(vcpu)
    case OSDLR:
      return 0n
  }
  if (isIcc(enc)) {
    const value = gic?.readIcc(cpu, enc)
    return value === undefined ? undefined : BigInt(value)
  }
  if (isIdSpace(enc) || enc === MIDR || enc === REVIDR || enc === AIDR || enc === CTR) return vcpu.vm.idRegister(idOf(enc))
  const timer = timerOf(enc)
  if (timer) return timers.read(timer, enc & 7, now)
  noteUnsupported(vcpu, enc, refuse)
  return undefined
}

/** False: the register does not exist for this vCPU, or cannot be written. */
export function writeRegister({ vcpu, timers, refuse }: RegisterSources, gic: Gic | undefined, cpu: number, enc: number, value: bigint, now: number): boolean {
  if (isIcc(enc)) return gic?.writeIcc(cpu, enc, value) ?? false
  const timer = timerOf(enc)
  if (timer) return timers.write(timer, enc & 7, value, now)
  if (enc === OSLAR) {
    // Kernels without OSLSR_EL1 in their list ignore the lock altogether.
    const lock = vcpu.get64(idOf(OSLSR))
    if (lock !== undefined) vcpu.set64(idOf(OSLSR), (lock & ~OSLK) | (value & 1n ? OSLK : 0n))
    return true
  }
  if (enc === OSDLR) return true
  noteUnsupported(vcpu, enc, refuse)
  return false
}

/** The timer whose registers these are; `isTimer`'s CRm 0 and 1 are counters and CNTKCTL. */
function timerOf(enc: number): TimerName | undefined {
  if (!isTimer(enc)) return undefined
  const crm = crmOf(enc)
  return crm === 3 ? 'virtual' : crm === 2 ? 'physical' : undefined
}

/** CCSIDR_EL1 of the cache that CSSELR_EL1 selects: KVM's demux register of that number, 0 where there is none. */
function cacheSize(vcpu: VcpuAbi): bigint {
  const selector = (vcpu.get64(idOf(CSSELR)) ?? 0n) & 0xfn
  return vcpu.get64(0x6020_0000_0000_0000n | (BigInt(COPROC.demux) << 16n) | selector) ?? 0n
}

function noteUnsupported(vcpu: VcpuAbi, enc: number, refuse: Refuse): void {
  if (isPmu(enc) && vcpu.features & PMU_FEATURE) refuse('FEAT_PMUv3')
  else if ((enc === RNDR || enc === RNDRRS) && vcpu.vm.idRegister(idOf(ISAR0)) >> 60n !== 0n) refuse('FEAT_RNG')
}
