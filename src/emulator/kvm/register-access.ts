// Owns reading and writing one register of one vCPU by its dense index: the switch over kinds, and the errno of ids that are no register.
// Hot: a replay makes half a million of these calls a second; plain registers move as two 32-bit words, no bigint.
import { ERRNO } from '../../arch/errno.ts'
import { COPROC } from '../../arch/reg-id.ts'
import { fieldOf } from '../../builds/id-values.ts'
import { VCPU_STATE } from '../state-layout.ts'
import { checkClidr } from './cache-registers.ts'
import { checkPstate, coreErrno, narrowToAarch32 } from './core-registers.ts'
import { readFirmware, writeBitmap, writeFirmware } from './firmware.ts'
import { ID, idValue, writeIdRegister } from './id-registers.ts'
import { checkPmmir, readPmcr, writeBits, writePmcr } from './pmu.ts'
import { KIND } from './register-plan.ts'
import { sveErrno } from './sve.ts'
import { COMPARE_OF, physicalCount, readControl, virtualCount, writeControl, writeCount } from './timers.ts'
import type { Vcpu } from './vcpu.ts'
import { FEATURE } from './vcpu-shape.ts'

const OSLK = 2n
/** ID_AA64DFR0_EL1.PMUVer from which event counters are 64 bits wide. */
const PMU_V3P5 = 6

/** Errno of an id that `plan.indexOf` does not know, or that this vCPU hides: kvm_arm_get_reg's and kvm_arm_set_reg's dispatch. */
export function unknownErrno(vcpu: Vcpu, low: number, high: number): number {
  if ((high & ~0x00f0_0000) >>> 0 !== 0x6000_0000) return ERRNO.EINVAL
  const bytes = 1 << ((high >>> 20) & 15)
  switch ((low >>> 16) & 0xfff) {
    case COPROC.core:
      return coreErrno(low, bytes)
    case COPROC.sve:
      return sveErrno(low, high, vcpu.sve !== undefined)
    default:
      return ERRNO.ENOENT
  }
}

/** Errno of writing from nowhere to an id that cannot be touched: kvm_arm_set_fw_reg reads the value before it looks which register it is for. */
export const noValueErrno = (errno: number, low: number, high: number): number =>
  errno === ERRNO.ENOENT && high === 0x6030_0000 && FIRMWARE.includes((low >>> 16) & 0xfff) ? ERRNO.EFAULT : errno
const FIRMWARE: readonly number[] = [COPROC.firmware, COPROC.firmwareBitmap]

/** Errno of touching a known register that this vCPU does not show now. */
export const hiddenErrno = (vcpu: Vcpu, index: number): number => (vcpu.plan.kind[index] === KIND.vector ? ERRNO.EINVAL : ERRNO.ENOENT)

/** KVM_GET_ONE_REG into `out` at byte `at`; `index` is present and visible. */
export function readRegister(vcpu: Vcpu, index: number, out: DataView, at: number): number {
  const { plan } = vcpu
  const place = plan.place[index]!
  switch (plan.kind[index]) {
    case KIND.core:
    case KIND.block:
      out.setUint32(at, vcpu.words[place >> 2]!, true)
      if (plan.high[index] !== 0x6020_0000) out.setUint32(at + 4, vcpu.words[(place >> 2) + 1]!, true)
      return 0
    case KIND.id: {
      const words = vcpu.idWords
      out.setUint32(at, words[place >> 2]!, true)
      out.setUint32(at + 4, words[(place >> 2) + 1]!, true)
      return 0
    }
    case KIND.vector:
      for (let k = 0; k < 4; k++) out.setUint32(at + 4 * k, vcpu.words[(place >> 2) + k]!, true)
      return 0
    case KIND.firmware:
      out.setBigUint64(at, readFirmware(vcpu.vm, vcpu.features, place), true)
      return 0
    case KIND.bitmap:
      out.setBigUint64(at, vcpu.vm.bitmaps[place]!, true)
      return 0
    case KIND.demux:
      out.setUint32(at, vcpu.caches.read(place), true)
      return 0
    case KIND.vls:
      for (let k = 0; k < 8; k++) out.setBigUint64(at + 8 * k, k === 0 ? vcpu.sve!.lengths : 0n, true)
      return 0
    case KIND.sve: {
      const bytes = vcpu.sve!.register(place)
      if (!bytes) return ERRNO.EPERM
      const size = place < 32 ? 256 : 32
      for (let k = 0; k < size; k++) out.setUint8(at + k, bytes[k] ?? 0)
      return 0
    }
    default:
      out.setBigUint64(at, readSpecial(vcpu, index), true)
      return 0
  }
}

function readSpecial(vcpu: Vcpu, index: number): bigint {
  const row = vcpu.plan.rows[index]!
  const stored = vcpu.stored(vcpu.plan.place[index]!)
  switch (row.rule) {
    case 'vcnt':
      return virtualCount(vcpu.vm)
    case 'pcnt':
      return physicalCount(vcpu.vm)
    case 'tctl': {
      const compare = vcpu.offsetOf(BigInt(COMPARE_OF.get(row.encoding) ?? 0))
      return compare === undefined ? stored : readControl(vcpu.vm, row.encoding, stored, vcpu.stored(compare))
    }
    case 'ignored':
      return 0n
    case 'pmevcnt':
      return fieldOf(idValue(vcpu.idState, ID.aa64dfr0), 8) >= PMU_V3P5 ? stored : stored & 0xffff_ffffn
    case 'pmcr':
      return readPmcr(stored, vcpu.vm.eventCounters)
    default:
      return stored
  }
}

/** KVM_SET_ONE_REG from `value` at byte `at`; `index` is present and visible. */
export function writeRegister(vcpu: Vcpu, index: number, value: DataView, at: number): number {
  const { plan } = vcpu
  const place = plan.place[index]!
  switch (plan.kind[index]) {
    case KIND.block:
      vcpu.words[place >> 2] = value.getUint32(at, true)
      vcpu.words[(place >> 2) + 1] = value.getUint32(at + 4, true)
      if (vcpu.isMasked) vcpu.enforceNestedMask(place)
      return 0
    case KIND.core:
      return writeCore(vcpu, index, place, value, at)
    case KIND.id: {
      const words = vcpu.idWords
      const word = place >> 2
      if (words[word] === value.getUint32(at, true) && words[word + 1] === value.getUint32(at + 4, true)) return 0
      return writeIdRegister(vcpu.idState, plan.rows[index]!, place >> 3, value.getBigUint64(at, true))
    }
    case KIND.vector:
      for (let k = 0; k < 4; k++) vcpu.words[(place >> 2) + k] = value.getUint32(at + 4 * k, true)
      return 0
    case KIND.firmware:
      return writeFirmware(vcpu.vm, vcpu.features, place, value.getBigUint64(at, true))
    case KIND.bitmap:
      return writeBitmap(vcpu.vm, place, value.getBigUint64(at, true))
    case KIND.demux:
      return vcpu.caches.write(place, value.getUint32(at, true))
    case KIND.vls: {
      let beyond = false
      for (let k = 1; k < 8; k++) if (value.getBigUint64(at + 8 * k, true) !== 0n) beyond = true
      return vcpu.sve!.setLengths(value.getBigUint64(at, true), beyond)
    }
    case KIND.sve: {
      const bytes = vcpu.sve!.register(place)
      if (!bytes) return ERRNO.EPERM
      for (let k = 0; k < bytes.length; k++) bytes[k] = value.getUint8(at + k)
      return 0
    }
    default:
      return writeSpecial(vcpu, index, value.getBigUint64(at, true))
  }
}

function writeCore(vcpu: Vcpu, index: number, place: number, value: DataView, at: number): number {
  const low = value.getUint32(at, true)
  if (place === VCPU_STATE.pstate) {
    const aarch32User = fieldOf(idValue(vcpu.idState, ID.aa64pfr0), 0) === 2
    const errno = checkPstate(vcpu.features, low, aarch32User)
    if (errno) return errno
  }
  vcpu.words[place >> 2] = low
  if (vcpu.plan.high[index] !== 0x6020_0000) vcpu.words[(place >> 2) + 1] = value.getUint32(at + 4, true)
  if (vcpu.words[VCPU_STATE.pstate >> 2]! & 0x10) narrowToAarch32(vcpu.words)
  return 0
}

function writeSpecial(vcpu: Vcpu, index: number, value: bigint): number {
  const { plan, vm } = vcpu
  const row = plan.rows[index]!
  const place = plan.place[index]!
  const stored = vcpu.stored(place)
  switch (row.rule) {
    case 'vcnt':
    case 'pcnt':
      writeCount(vm, row.rule, value)
      return 0
    case 'tctl':
      vcpu.store(place, writeControl(value))
      return 0
    case 'ignored':
      return 0
    case 'pmcr': {
      const aarch32 = fieldOf(idValue(vcpu.idState, ID.aa64pfr0), 0) === 2
      const fixed = (vcpu.features & (FEATURE.el2 | FEATURE.pmuStrict)) !== 0
      const { stored: kept, counters } = writePmcr(vm.build.kernel, value, {
        hasRun: vm.hasRun,
        counters: vm.eventCounters,
        most: vcpu.shape.eventCounters,
        fixed,
        aarch32,
      })
      vm.eventCounters = counters
      vcpu.store(place, kept)
      return 0
    }
    case 'pmset':
    case 'pmclr':
      vcpu.store(place, writeBits(vm.build.kernel, row.rule, stored, value, vm.eventCounters))
      return 0
    case 'pmmir': {
      const errno = checkPmmir(stored, value, vm.hasRun)
      if (errno === 0) vcpu.store(place, value)
      return errno
    }
    case 'oslsr':
      if ((value ^ stored) & ~OSLK) return ERRNO.EINVAL
      break
    case 'clidr': {
      if (vm.build.kernel.clidr === 'invariant') return value === stored ? 0 : ERRNO.EINVAL
      const errno = checkClidr(vcpu.hostCtr, value)
      if (errno) return errno
    }
  }
  vcpu.store(place, value)
  return 0
}
