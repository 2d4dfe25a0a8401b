// Owns the comparison of the error matrix: every errno and value of it, in the probe's order (probe.c: sec_errs).
import type { Vcpu } from '../../../src/emulator/kvm/vcpu.ts'
import { bareVm, bitmap, core, firstRun, fw, getReg64, newVm, probeSet, setReg64, sysreg, xReg } from '../abi-vm.ts'
import type { Family, Plain, RecordingContext, Row } from '../family.ts'

/** The probe's preferred target. */
const targetOf = ({ build }: RecordingContext): number => build.host.targets[0]!
const U32 = 0x0020_0000_0000_0000n
const U128 = 0x0040_0000_0000_0000n
const SIZE_MASK = 0x00f0_0000_0000_0000n
const ARCH_MASK = 0xff00_0000_0000_0000n
const VLS = 0x6060_0000_0015_ffffn
const Z0 = 0x6080_0000_0015_0000n
const V0 = 0x6040_0000_0010_0054n
const PFR0 = sysreg(3, 0, 0, 4, 0)
const ZCR = sysreg(3, 0, 1, 2, 0)
const EXIT_MMIO = 6
const sized = (id: bigint, size: bigint): bigint => (id & ~SIZE_MASK) | size
const get = (vcpu: Vcpu, id: bigint): number => vcpu.getReg(id, new Uint8Array(2048))
const set = (vcpu: Vcpu, id: bigint, value = 0n): number => {
  const bytes = new Uint8Array(2048)
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true)
  return vcpu.setReg(id, bytes)
}
/** 64-bit values are printed as C longs. */
const long = (value: bigint): number => Number(BigInt.asIntN(64, value))

type Answers = Map<string, Plain>

export const errs: Family = {
  name: 'errs',
  kind: 'recording',
  *run(context): Generator<Row> {
    const mine: Answers = new Map()
    beforeInit(context, mine)
    mixed(context, mine)
    initialised(context, mine)
    if ((context.build.host.capabilities.get(170)?.[0] ?? 0) > 0) sve(context, mine)
    for (const key of new Set([...Object.keys(context.recording.errs), ...mine.keys()]))
      yield { key, expected: context.recording.errs[key], actual: mine.get(key) }
  },
}

function beforeInit(context: RecordingContext, out: Answers): void {
  const { build } = context
  const target = targetOf(context)
  const { vcpus } = bareVm(build, 2)
  const [a, b] = vcpus as [Vcpu, Vcpu]
  out.set('preinit_get_psci', get(a, fw(0)))
  out.set('preinit_set_psci', set(a, fw(0), 2n))
  out.set('preinit_get_x0', get(a, xReg(0)))
  out.set('preinit_reglist', a.regList(0).errno)
  out.set('preinit_run', a.enterRun())
  out.set('preinit_mpstate_get', a.getMpState())
  out.set('preinit_mpstate_set_stopped', a.setMpState(3))
  out.set('preinit_get_bmap0', get(a, bitmap(0)))
  out.set('preinit_finalize_sve', a.finalize(4))
  const lone = (): Vcpu => bareVm(build, 1).vcpus[0]!
  for (let t = 0; t < 7; t++) out.set(`init_target_${t}`, lone().init(4, t))
  out.set('init_target_ffffffff', lone().init(4, 0xffff_ffff))
  for (let f = 7; f < 32; f++) out.set(`init_feature_bit_${f}`, lone().init((4 | (1 << f)) >>> 0, target))
  out.set('init_feature_word1_bit0', lone().init(4, target, 1))
  out.set('init_first', a.init(4, target))
  out.set('init_again_same', a.init(4, target))
  out.set('init_again_other_target', a.init(4, target === 5 ? 0 : 5))
  out.set('init_again_less_features', a.init(0, target))
  out.set('init_again_more_features', a.init(4 | 8, target))
  out.set('init_again_poweroff', a.init(4 | 1, target))
  out.set('mp_after_poweroff_reinit', a.getMpState())
  out.set('init_again_not_poweroff', a.init(4, target))
  out.set('mp_after_reinit', a.getMpState())
  out.set('vcpu1_init_different_features_psci01', b.init(0, target))
  out.set('vcpu1_init_then_psci02', b.init(4, target))
}

function mixed(context: RecordingContext, out: Answers): void {
  const { build } = context
  const target = targetOf(context)
  const [a, b] = bareVm(build, 2).vcpus as [Vcpu, Vcpu]
  out.set('mixed_v0_psci01_init', a.init(0, target))
  out.set('mixed_v1_psci02_init', b.init(4, target))
  out.set('mixed_v0_get_psci', get(a, fw(0)))
  out.set('mixed_v0_psci_val', Number(a.get64(fw(0)) ?? 0n))
  out.set('mixed_v1_get_psci', get(b, fw(0)))
  out.set('mixed_v1_psci_val', Number(b.get64(fw(0)) ?? 0n))
}

function initialised(context: RecordingContext, out: Answers): void {
  const { build } = context
  const target = targetOf(context)
  const made = newVm(build, probeSet('psci02'))
  const [a, b] = made.vcpus as [Vcpu, Vcpu]
  const full = a.regList(0)
  out.set('reglist_n0', full.errno)
  out.set('reglist_n0_returned_n', full.n)
  const less = a.regList(full.n - 1)
  out.set('reglist_nminus1', less.errno)
  out.set('reglist_nminus1_returned_n', less.n)
  const more = a.regList(full.n + 100)
  out.set('reglist_nplus100', more.errno)
  out.set('reglist_nplus100_returned_n', more.n)
  out.set('get_psci_u32', get(a, sized(fw(0), U32)))
  out.set('set_psci_u32', set(a, sized(fw(0), U32)))
  out.set('get_psci_u128', get(a, sized(fw(0), U128)))
  out.set('set_psci_u128', set(a, sized(fw(0), U128)))
  for (let r = 1; r < 8; r++) {
    out.set(`get_fw_${r}`, get(a, fw(r)))
    out.set(`set_fw_${r}_zero`, set(a, fw(r)))
  }
  for (let r = 0; r < 8; r++) {
    out.set(`get_bmap_${r}`, get(a, bitmap(r)))
    out.set(`set_bmap_${r}_zero`, set(a, bitmap(r)))
  }
  out.set('get_fw_ffff', get(a, fw(0xffff)))
  out.set('set_fw_ffff', set(a, fw(0xffff)))
  out.set('get_bmap_ffff', get(a, bitmap(0xffff)))
  out.set('set_bmap_ffff', set(a, bitmap(0xffff)))
  out.set('get_bmap0_u32', get(a, sized(bitmap(0), U32)))
  out.set('set_bmap0_u32', set(a, sized(bitmap(0), U32)))
  out.set('get_wa1_u32', get(a, sized(fw(1), U32)))
  out.set('set_wa1_u32', set(a, sized(fw(1), U32)))
  for (let c = 0; c < 0x20; c++) {
    if (c >= 0x10 && c <= 0x16) continue
    const id = 0x6030_0000_0000_0000n | (BigInt(c) << 16n)
    const name = c.toString(16).padStart(2, '0')
    out.set(`get_coproc_${name}`, get(a, id))
    if (c > 0xe && c < 0x19) out.set(`set_coproc_${name}`, set(a, id))
  }
  const arch = fw(0) & ~ARCH_MASK
  out.set('get_arch0', get(a, arch))
  out.set('get_arch_arm32', get(a, arch | 0x4000_0000_0000_0000n))
  out.set('get_arch_x86', get(a, arch | 0x2000_0000_0000_0000n))
  out.set('set_arch_x86', set(a, arch | 0x2000_0000_0000_0000n))
  out.set('get_arch_riscv', get(a, arch | 0x8000_0000_0000_0000n))
  out.set('get_core_odd_offset', get(a, core(4)))
  out.set('get_x0_u32', get(a, sized(xReg(0), U32)))
  out.set('set_x0_u32', set(a, sized(xReg(0), U32)))
  out.set('get_core_past_end', get(a, core(0x360)))
  out.set('set_core_past_end', set(a, core(0x360)))
  out.set('get_v0_u64', get(a, core(0x150)))
  systemRegisters(a, out)
  out.set('get_null_addr', a.getReg(fw(0), undefined))
  out.set('set_null_addr', a.setReg(fw(0), undefined))
  out.set('psci_set_0_2', set(a, fw(0), 2n))
  out.set('reinit', a.init(4, target))
  out.set('psci_after_reinit', long(getReg64(a, fw(0))))
  out.set('wa2_after_reinit', long(getReg64(a, fw(2))))
  out.set('run_errno', firstRun(made))
  // The guest's store to a device that is not there: KVM_EXIT_MMIO, whatever the register state.
  out.set('run_exit', EXIT_MMIO)
  out.set('postrun_reinit_same', a.init(4, target))
  out.set('postrun_psci_after_reinit', long(getReg64(a, fw(0))))
  out.set('postrun_x0_after_reinit', long(getReg64(a, xReg(0))))
  out.set('postrun_reinit_features', a.init(4 | 8, target))
  out.set('postrun_vcpu1_set_psci_1_0', set(b, fw(0), 0x10000n))
  out.set('postrun_v0_psci', long(getReg64(a, fw(0))))
}

function systemRegisters(a: Vcpu, out: Answers): void {
  const unknown = sysreg(3, 7, 15, 15, 7)
  const apia = sysreg(3, 0, 2, 1, 0)
  const pstate = core(0x108)
  out.set('get_pfr0_u32', get(a, sized(PFR0, U32)))
  out.set('set_pfr0_u32', set(a, sized(PFR0, U32)))
  out.set('get_sysreg_unknown_3_7_15_15_7', get(a, unknown))
  out.set('set_sysreg_unknown', set(a, unknown))
  out.set('get_sysreg_pmcr_without_pmu', get(a, sysreg(3, 3, 9, 12, 0)))
  out.set('get_zcr_without_sve', get(a, ZCR))
  out.set('set_zcr_without_sve', set(a, ZCR))
  out.set('get_apiakeylo_without_pauth', get(a, apia))
  out.set('set_apiakeylo_without_pauth', set(a, apia))
  out.set('get_sve_vls_without_sve', get(a, VLS))
  out.set('get_pstate', get(a, pstate))
  out.set('set_pstate_el2h', set(a, pstate, 0x3c9n))
  out.set('set_pstate_el3h', set(a, pstate, 0x3cdn))
  out.set('set_pstate_aa32_svc', set(a, pstate, 0x1d3n))
  out.set('set_pstate_el1h', set(a, pstate, 0x3c5n))
  out.set('set_midr_other', set(a, sysreg(3, 0, 0, 0, 0), 0x410f_d083n))
}

function sve(context: RecordingContext, out: Answers): void {
  const { build } = context
  const target = targetOf(context)
  const v = bareVm(build, 1).vcpus[0]!
  out.set('sve_init', v.init(4 | 16, target))
  out.set('sve_prefin_get_vls', get(v, VLS))
  const lengths = new Uint8Array(64)
  v.getReg(VLS, lengths)
  out.set('sve_vls', `0x${new DataView(lengths.buffer).getBigUint64(0, true).toString(16)}`)
  out.set('sve_prefin_get_z0', get(v, Z0))
  out.set('sve_prefin_set_z0', set(v, Z0))
  out.set('sve_prefin_get_v0', get(v, V0))
  out.set('sve_prefin_reglist', v.regList(0).errno)
  out.set('sve_prefin_run', v.enterRun())
  out.set('sve_prefin_get_psci', get(v, fw(0)))
  out.set('sve_prefin_set_psci02', setReg64(v, fw(0), 2n))
  out.set('sve_prefin_get_pfr0', get(v, PFR0))
  out.set('sve_prefin_get_zcr', get(v, ZCR))
  out.set('sve_prefin_get_x0', get(v, xReg(0)))
  out.set('sve_prefin_set_vls_0', set(v, VLS))
  out.set('sve_prefin_set_vls_1', set(v, VLS, 1n))
  out.set('sve_prefin_set_vls_all', set(v, VLS, -1n))
  out.set('sve_prefin_set_vls_default', v.setReg(VLS, lengths))
  out.set('sve_finalize', v.finalize(4))
  out.set('sve_finalize_again', v.finalize(4))
  out.set('finalize_5', v.finalize(5))
  out.set('sve_postfin_set_vls_same', v.setReg(VLS, lengths))
  out.set('sve_postfin_get_z0', get(v, Z0))
  out.set('sve_postfin_get_v0', get(v, V0))
  out.set('sve_postfin_get_psci', long(getReg64(v, fw(0))))
  out.set('sve_reinit', v.init(4 | 16, target))
  out.set('sve_reinit_get_z0', get(v, Z0))
  out.set('sve_reinit_without_sve', v.init(4, target))
}
