// Owns the section `errs`: what is refused and with what errno, in the probe's order (probe.c: sec_errs). Names are the recordings' own.
import { sveVlsId } from '../../arch/reg-id.ts'
import type { AbiVcpu } from '../../backends/kvm-abi.ts'
import { FEATURE_BIT, featureSet } from './feature-sets.ts'
import { type PlainRow, type ProbeContext, type ProbeVm, withBareVm, withVm } from './probe-vm.ts'
import { bitmap, coreAt, fw, hex, PSTATE, sysreg, UNREADABLE, xReg } from './registers.ts'
import { record, type Section, THOROUGH } from './section.ts'

const U32 = 0x0020_0000_0000_0000n
const U128 = 0x0040_0000_0000_0000n
const SIZE_MASK = 0x00f0_0000_0000_0000n
const ARCH_MASK = 0xff00_0000_0000_0000n
const Z0 = 0x6080_0000_0015_0000n
const V0 = 0x6040_0000_0010_0054n
const PFR0 = sysreg(3, 0, 0, 4, 0)
const ZCR = sysreg(3, 0, 1, 2, 0)
const { psci02, pmu, sve, powerOff } = FEATURE_BIT
const SVE_CAPABILITY = 170
const GENERIC = 5
const WIDEST = 256
const sized = (id: bigint, size: bigint): bigint => (id & ~SIZE_MASK) | size
const get = (vcpu: AbiVcpu, id: bigint): number => vcpu.getReg(id).errno
const set = (vcpu: AbiVcpu, id: bigint, value = 0n): number => {
  const bytes = new Uint8Array(WIDEST)
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true)
  return vcpu.setReg(id, bytes)
}
const read64 = (vcpu: AbiVcpu, id: bigint): bigint => new DataView((vcpu.getReg(id).bytes ?? new Uint8Array(8)).slice(0, 8).buffer).getBigUint64(0, true)
/** 64-bit values are recorded as C longs. */
const long = (value: bigint): number => Number(BigInt.asIntN(64, value))

export const errorPaths: Section = {
  label: 'what is refused',
  in: THOROUGH,
  *run(context) {
    const out: PlainRow = {}
    withBareVm(context, 2, vm => beforeInit(context, vm, out))
    yield
    for (const [name, target] of [0, 1, 2, 3, 4, 5, 6].map((t): [string, number] => [`${t}`, t]).concat([['ffffffff', 0xffff_ffff]])) {
      out[`init_target_${name}`] = withBareVm(context, 1, vm => vm.init(0, psci02, target))
      yield
    }
    for (let bit = 7; bit < 32; bit++) {
      out[`init_feature_bit_${bit}`] = withBareVm(context, 1, vm => vm.init(0, psci02 | (1 << bit)))
      yield
    }
    out.init_feature_word1_bit0 = withBareVm(context, 1, vm => vm.vcpu(0).init([psci02, 1], context.target))
    yield
    withBareVm(context, 2, vm => initialisedAgain(context, vm, out))
    yield
    withBareVm(context, 2, vm => mixed(vm, out))
    yield
    withVm(context, featureSet('psci02'), vm => vm.fail || initialised(vm, out))
    yield
    if (context.host.checkExtension(SVE_CAPABILITY) > 0) withBareVm(context, 1, vm => vectors(vm, out))
    yield record('errs', { t: out })
  },
}

function beforeInit({ waits }: ProbeContext, vm: ProbeVm, out: PlainRow): void {
  const a = vm.vcpu(0)
  out.preinit_get_psci = get(a, fw(0))
  out.preinit_set_psci = set(a, fw(0), 2n)
  out.preinit_get_x0 = get(a, xReg(0))
  out.preinit_reglist = a.regList(0).errno
  out.preinit_run = a.run(waits.call).errno
  out.preinit_mpstate_get = a.getMpState()
  out.preinit_mpstate_set_stopped = a.setMpState(3)
  out.preinit_get_bmap0 = get(a, bitmap(0))
  out.preinit_finalize_sve = a.finalize(4)
}

/** The same vCPU in probe.c; nothing of what was refused above is left in it, so another one will do. */
function initialisedAgain({ target }: ProbeContext, vm: ProbeVm, out: PlainRow): void {
  const a = vm.vcpu(0)
  out.init_first = vm.init(0, psci02)
  out.init_again_same = vm.init(0, psci02)
  out.init_again_other_target = vm.init(0, psci02, target === GENERIC ? 0 : GENERIC)
  out.init_again_less_features = vm.init(0, 0)
  out.init_again_more_features = vm.init(0, psci02 | pmu)
  out.init_again_poweroff = vm.init(0, psci02 | powerOff)
  out.mp_after_poweroff_reinit = a.getMpState()
  out.init_again_not_poweroff = vm.init(0, psci02)
  out.mp_after_reinit = a.getMpState()
  out.vcpu1_init_different_features_psci01 = vm.init(1, 0)
  out.vcpu1_init_then_psci02 = vm.init(1, psci02)
}

function mixed(vm: ProbeVm, out: PlainRow): void {
  const [a, b] = [vm.vcpu(0), vm.vcpu(1)]
  out.mixed_v0_psci01_init = vm.init(0, 0)
  out.mixed_v1_psci02_init = vm.init(1, psci02)
  out.mixed_v0_get_psci = get(a, fw(0))
  out.mixed_v0_psci_val = Number(read64(a, fw(0)))
  out.mixed_v1_get_psci = get(b, fw(0))
  out.mixed_v1_psci_val = Number(read64(b, fw(0)))
}

function initialised(vm: ProbeVm, out: PlainRow): void {
  const [a, b] = [vm.vcpu(0), vm.vcpu(1)]
  const full = a.regList(0)
  out.reglist_n0 = full.errno
  out.reglist_n0_returned_n = full.n
  const less = a.regList(full.n - 1)
  out.reglist_nminus1 = less.errno
  out.reglist_nminus1_returned_n = less.n
  const more = a.regList(full.n + 100)
  out.reglist_nplus100 = more.errno
  out.reglist_nplus100_returned_n = more.n
  firmwareIds(a, out)
  systemRegisters(a, out)
  out.get_null_addr = a.getReg(fw(0), true).errno
  out.set_null_addr = a.setReg(fw(0), undefined)
  out.psci_set_0_2 = set(a, fw(0), 2n)
  out.reinit = vm.init(0, psci02)
  out.psci_after_reinit = long(vm.get(0, fw(0)))
  out.wa2_after_reinit = long(vm.get(0, fw(2)))
  const exit = vm.firstRun()
  out.run_errno = exit.errno
  out.run_exit = exit.reason
  out.postrun_reinit_same = vm.init(0, psci02)
  out.postrun_psci_after_reinit = long(vm.get(0, fw(0)))
  out.postrun_x0_after_reinit = long(vm.get(0, xReg(0)))
  out.postrun_reinit_features = vm.init(0, psci02 | pmu)
  out.postrun_vcpu1_set_psci_1_0 = set(b, fw(0), 0x10000n)
  out.postrun_v0_psci = long(vm.get(0, fw(0)))
}

function firmwareIds(a: AbiVcpu, out: PlainRow): void {
  const both = (name: string, id: bigint, suffix = ''): void => {
    out[`get_${name}`] = get(a, id)
    out[`set_${name}${suffix}`] = set(a, id)
  }
  both('psci_u32', sized(fw(0), U32))
  both('psci_u128', sized(fw(0), U128))
  for (let n = 1; n < 8; n++) both(`fw_${n}`, fw(n), '_zero')
  for (let n = 0; n < 8; n++) both(`bmap_${n}`, bitmap(n), '_zero')
  both('fw_ffff', fw(0xffff))
  both('bmap_ffff', bitmap(0xffff))
  both('bmap0_u32', sized(bitmap(0), U32))
  both('wa1_u32', sized(fw(1), U32))
  for (let coproc = 0; coproc < 0x20; coproc++) {
    if (coproc >= 0x10 && coproc <= 0x16) continue
    const id = 0x6030_0000_0000_0000n | (BigInt(coproc) << 16n)
    const name = `coproc_${coproc.toString(16).padStart(2, '0')}`
    out[`get_${name}`] = get(a, id)
    if (coproc > 0xe && coproc < 0x19) out[`set_${name}`] = set(a, id)
  }
  const arch = fw(0) & ~ARCH_MASK
  out.get_arch0 = get(a, arch)
  out.get_arch_arm32 = get(a, arch | 0x4000_0000_0000_0000n)
  both('arch_x86', arch | 0x2000_0000_0000_0000n)
  out.get_arch_riscv = get(a, arch | 0x8000_0000_0000_0000n)
  out.get_core_odd_offset = get(a, coreAt(4))
  both('x0_u32', sized(xReg(0), U32))
  both('core_past_end', coreAt(0x360))
  out.get_v0_u64 = get(a, coreAt(0x150))
}

function systemRegisters(a: AbiVcpu, out: PlainRow): void {
  const unknown = sysreg(3, 7, 15, 15, 7)
  const key = sysreg(3, 0, 2, 1, 0)
  out.get_pfr0_u32 = get(a, sized(PFR0, U32))
  out.set_pfr0_u32 = set(a, sized(PFR0, U32))
  out.get_sysreg_unknown_3_7_15_15_7 = get(a, unknown)
  out.set_sysreg_unknown = set(a, unknown)
  out.get_sysreg_pmcr_without_pmu = get(a, sysreg(3, 3, 9, 12, 0))
  out.get_zcr_without_sve = get(a, ZCR)
  out.set_zcr_without_sve = set(a, ZCR)
  out.get_apiakeylo_without_pauth = get(a, key)
  out.set_apiakeylo_without_pauth = set(a, key)
  out.get_sve_vls_without_sve = get(a, sveVlsId)
  out.get_pstate = get(a, PSTATE)
  out.set_pstate_el2h = set(a, PSTATE, 0x3c9n)
  out.set_pstate_el3h = set(a, PSTATE, 0x3cdn)
  out.set_pstate_aa32_svc = set(a, PSTATE, 0x1d3n)
  out.set_pstate_el1h = set(a, PSTATE, 0x3c5n)
  out.set_midr_other = set(a, sysreg(3, 0, 0, 0, 0), 0x410f_d083n)
}

function vectors(vm: ProbeVm, out: PlainRow): void {
  const v = vm.vcpu(0)
  out.sve_init = vm.init(0, psci02 | sve)
  const lengths = v.getReg(sveVlsId)
  out.sve_prefin_get_vls = lengths.errno
  const chosen = lengths.bytes ?? new Uint8Array(64)
  out.sve_vls = hex(new DataView(chosen.buffer, chosen.byteOffset).getBigUint64(0, true))
  out.sve_prefin_get_z0 = get(v, Z0)
  out.sve_prefin_set_z0 = set(v, Z0)
  out.sve_prefin_get_v0 = get(v, V0)
  out.sve_prefin_reglist = v.regList(0).errno
  out.sve_prefin_run = vm.run(0).errno
  out.sve_prefin_get_psci = get(v, fw(0))
  out.sve_prefin_set_psci02 = set(v, fw(0), 2n)
  out.sve_prefin_get_pfr0 = get(v, PFR0)
  out.sve_prefin_get_zcr = get(v, ZCR)
  out.sve_prefin_get_x0 = get(v, xReg(0))
  out.sve_prefin_set_vls_0 = set(v, sveVlsId)
  out.sve_prefin_set_vls_1 = set(v, sveVlsId, 1n)
  out.sve_prefin_set_vls_all = set(v, sveVlsId, -1n)
  out.sve_prefin_set_vls_default = v.setReg(sveVlsId, chosen)
  out.sve_finalize = v.finalize(4)
  out.sve_finalize_again = v.finalize(4)
  out.finalize_5 = v.finalize(5)
  out.sve_postfin_set_vls_same = v.setReg(sveVlsId, chosen)
  out.sve_postfin_get_z0 = get(v, Z0)
  out.sve_postfin_get_v0 = get(v, V0)
  const psci = v.getReg(fw(0))
  out.sve_postfin_get_psci = psci.errno ? long(UNREADABLE) : long(read64(v, fw(0)))
  out.sve_reinit = vm.init(0, psci02 | sve)
  out.sve_reinit_get_z0 = get(v, Z0)
  out.sve_reinit_without_sve = vm.init(0, psci02)
}
