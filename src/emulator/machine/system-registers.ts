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
import { PMU, type Pmu } from './pmu.ts'
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
const PMUSERENR_BITS = 0xfn
/** OSLSR_EL1 of kernels that do not list it: the lock is implemented, and open. */
const OSLSR_VALUE = 8n
const MMFR0 = encoding(3, 0, 0, 7, 0)
const MMFR1 = encoding(3, 0, 0, 7, 1)
const PFR0 = encoding(3, 0, 0, 4, 0)
const CNTPCTSS = encoding(3, 3, 14, 0, 5)
const CNTVCTSS = encoding(3, 3, 14, 0, 6)
const ISR = encoding(3, 0, 12, 1, 0)

/** Debug registers that read as zero and ignore writes for every guest: MDRAR, OSDLR, DBGPRCR, DBGCLAIM*, DBGAUTHSTATUS, MDCCSR, DBGDTR*. */
const DEBUG_RAZ: ReadonlySet<number> = new Set([
  encoding(2, 0, 1, 0, 0),
  OSDLR,
  encoding(2, 0, 1, 4, 4),
  encoding(2, 0, 7, 8, 6),
  encoding(2, 0, 7, 9, 6),
  encoding(2, 0, 7, 14, 6),
  encoding(2, 3, 0, 1, 0),
  encoding(2, 3, 0, 4, 0),
  encoding(2, 3, 0, 5, 0),
])
/** Of those and LORID_EL1: nothing to write. */
const READ_ONLY: ReadonlySet<number> = new Set([encoding(2, 0, 1, 0, 0), encoding(2, 0, 7, 14, 6), encoding(2, 3, 0, 1, 0), encoding(3, 0, 10, 4, 7)])
/** LORSA_EL1 to LORID_EL1, and ERRIDR_EL1 to ERXMISC3_EL1: there when the ID registers say so, and empty. */
const isLimitedOrdering = (enc: number): boolean => enc >= encoding(3, 0, 10, 4, 0) && enc <= encoding(3, 0, 10, 4, 7)
const isErrorRecord = (enc: number): boolean => enc >= encoding(3, 0, 5, 3, 0) && enc <= encoding(3, 0, 5, 5, 7)

const isIdSpace = (enc: number): boolean => enc >> 7 === ID_SPACE && ((enc >> 3) & 15) > 0 && ((enc >> 3) & 15) < 8
const ID_SPACE = encoding(3, 0, 0, 0, 0) >> 7
const op1Of = (enc: number): number => (enc >> 11) & 7
const crnOf = (enc: number): number => (enc >> 7) & 15
const crmOf = (enc: number): number => (enc >> 3) & 15
const isPmu = (enc: number): boolean => {
  const [op1, crn, crm] = [op1Of(enc), crnOf(enc), crmOf(enc)]
  return enc >> 14 === 3 && ((crn === 9 && (op1 === 0 || op1 === 3) && crm >= 12 && crm <= 14) || (op1 === 3 && crn === 14 && crm >= 8))
}
const isTimer = (enc: number): boolean => enc >> 7 === TIMERS && crmOf(enc) <= 3
const TIMERS = encoding(3, 3, 14, 0, 0) >> 7

/** Registers of `vcpu` that are storage, for the engine: those this kernel lists for it, but for timers, PMU, identification and EL2's. */
export function storedRegisters(vcpu: VcpuAbi): SysRegMap {
  const slots = new Map<number, SysRegSlot>()
  const readOnly = new Set([MPIDR, CLIDR, OSLSR])
  for (const { encoding: enc } of vcpu.vm.build.kernel.sysregs) {
    const [op1, crn] = [op1Of(enc), crnOf(enc)]
    const identification = crn === 0 && enc >> 14 === 3 && enc !== CSSELR && !readOnly.has(enc)
    const elsewhere = isPmu(enc) && !(enc === PMU.userenr && vcpu.features & PMU_FEATURE)
    if (identification || isTimer(enc) || elsewhere || op1 === 4 || op1 === 5) continue
    const offset = vcpu.offsetOf(idOf(enc))
    if (offset === undefined || vcpu.get64(idOf(enc)) === undefined) continue
    slots.set(enc, {
      slot: (offset - VCPU_STATE.sysregs) / 8,
      ...(readOnly.has(enc) ? { readOnly: true } : {}),
      ...(enc === PMU.userenr ? { writeMask: PMUSERENR_BITS } : {}),
    })
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
  /** Of a vCPU with the feature pmu_v3. */
  readonly pmu: Pmu | undefined
  /** ISR_EL1: which interrupts are pending, masked or not. */
  readonly pendingInterrupts: () => number
  readonly refuse: Refuse
}

/** `now` is machine time. Undefined: the register does not exist for this vCPU. `cpu` is its position. */
export function readRegister(
  { vcpu, timers, pmu, pendingInterrupts, refuse }: RegisterSources,
  gic: Gic | undefined,
  cpu: number,
  enc: number,
  now: number,
): bigint | undefined {
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
    case OSLSR:
      return OSLSR_VALUE
    case ISR:
      return BigInt(pendingInterrupts())
    case CNTVCTSS:
      return hasField(vcpu, MMFR0, 60) ? vcpu.virtualCount() : undefined
    case CNTPCTSS:
      return hasField(vcpu, MMFR0, 60) ? vcpu.physicalCount() : undefined
  }
  if (isIcc(enc)) {
    const value = gic?.readIcc(cpu, enc)
    return value === undefined ? undefined : BigInt(value)
  }
  if (isIdSpace(enc) || enc === MIDR || enc === REVIDR || enc === AIDR || enc === CTR) return vcpu.vm.idRegister(idOf(enc))
  const timer = timerOf(enc)
  if (timer) return timers.read(timer, enc & 7, now)
  if (isPmu(enc)) return pmu ? pmu.read(enc) : hasEmptyPmu(vcpu) ? 0n : undefined
  if (isEmpty(vcpu, enc)) return 0n
  noteUnsupported(vcpu, enc, refuse)
  return undefined
}

const hasField = ({ vm }: VcpuAbi, enc: number, shift: number): boolean => ((vm.idRegister(idOf(enc)) >> BigInt(shift)) & 0xfn) !== 0n

/** Registers that exist and hold nothing. */
function isEmpty(vcpu: VcpuAbi, enc: number): boolean {
  if (isLimitedOrdering(enc)) return hasField(vcpu, MMFR1, 16)
  if (isErrorRecord(enc)) return hasField(vcpu, PFR0, 28)
  return DEBUG_RAZ.has(enc)
}

/** Before Linux 5.11 a vCPU without a PMU lists its registers all the same, and they hold nothing for the guest. */
const hasEmptyPmu = (vcpu: VcpuAbi): boolean => vcpu.get64(idOf(PMU.pmcr)) !== undefined

/** False: the register does not exist for this vCPU, or cannot be written. */
export function writeRegister(
  { vcpu, timers, pmu, refuse }: RegisterSources,
  gic: Gic | undefined,
  cpu: number,
  enc: number,
  value: bigint,
  now: number,
): boolean {
  if (isIcc(enc)) return gic?.writeIcc(cpu, enc, value) ?? false
  const timer = timerOf(enc)
  if (timer) return timers.write(timer, enc & 7, value, now)
  if (enc === OSLAR) {
    // Kernels without OSLSR_EL1 in their list ignore the lock altogether.
    const lock = vcpu.get64(idOf(OSLSR))
    if (lock !== undefined) vcpu.set64(idOf(OSLSR), (lock & ~OSLK) | (value & 1n ? OSLK : 0n))
    return true
  }
  if (isPmu(enc)) return pmu ? pmu.write(enc, value) : hasEmptyPmu(vcpu)
  if (isEmpty(vcpu, enc)) return !READ_ONLY.has(enc)
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
  if ((enc === RNDR || enc === RNDRRS) && vcpu.vm.idRegister(idOf(ISAR0)) >> 60n !== 0n) refuse('FEAT_RNG')
}
