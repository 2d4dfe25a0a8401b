// table of what a difference in a build's rules means, in words: by rule path as `builds diff` prints it. Every path that two hosts can differ in
// has a row here (a test asks for it); every row names its source. Decides nothing; paths are made by builds/describe.ts.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { featuresOf } from '../../arch/features.ts'
import { registerFields } from '../../arch/fields/fields.ts'
import { describePsciStep } from '../../arch/psci.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { BITMAP_BITS, bitmapNames, showWorkaround } from '../../arch/smccc.ts'
import { encodingId } from '../../builds/compose.ts'
import type { Encoding, Forgiveness } from '../../builds/kernel-rules.ts'
import { type Differing, listed, type Notice, sides } from './notice.ts'

export interface RuleWords {
  /** Whether the path is one of what a guest can tell, or of what userspace is allowed: the two lists of `builds diff`. */
  readonly part: 'guest' | 'rules'
  /** The whole path. */
  readonly rule: RegExp
  readonly who: Notice['who']
  readonly code: string
  /** One or more sentences over all differences that match. */
  readonly say: (differing: Differing) => readonly string[]
  readonly source: string
}

const KVM = 'Linux arch/arm64/kvm'

/** A rule that one side has and the other lacks: `{has}` and `{lacks}` stand for the hosts. */
const either =
  (text: string, isOn: (value: string | undefined) => boolean = value => value === 'true') =>
  (differing: Differing): readonly string[] => {
    const { has, lacks } = sides(differing, isOn(differing.changes[0]?.b))
    return [text.replaceAll('{has}', has).replaceAll('{lacks}', lacks)]
  }

const numbers = (text: string | undefined): readonly number[] => (text ? text.split(' ').map(Number) : [])
const words = (text: string | undefined): readonly string[] => (text ? text.split(' ') : [])
/** What only b and what only a has, of two lists. */
const only = ({ changes: [change] }: Differing): { readonly a: readonly string[]; readonly b: readonly string[] } => {
  const [a, b] = [words(change?.a), words(change?.b)]
  return { a: a.filter(word => !b.includes(word)), b: b.filter(word => !a.includes(word)) }
}
const bitmapId = (index: number): RegId => (0x6030_0000_0016_0000n | BigInt(index)) as RegId
const hex = (text: string | undefined): bigint => (text ? BigInt(`0x${text}`) : 0n)

/** `c020.56` and `c020.56>=1` by name: `ID_AA64PFR0_EL1.CSV2`. */
function fieldName(text: string): string {
  const [, encoding = '0', shift = '0', least] = /^([0-9a-f]+)\.(\d+)(?:>=(\d+))?$/.exec(text) ?? []
  const id = encodingId(Number.parseInt(encoding, 16))
  const field = registerFields(id).find(({ lsb }) => lsb === Number(shift))
  return `${registerName(id)}.${field?.name ?? `bits from ${shift}`}${least === undefined ? '' : ` below ${least}`}`
}

/** Names of the fields of an ID register that a mask touches. */
export function fieldsIn(encoding: Encoding, mask: bigint): readonly string[] {
  const id = encodingId(encoding)
  const names = registerFields(id)
    .filter(({ lsb, msb, reserved }) => !reserved && ((mask >> BigInt(lsb)) & ((1n << BigInt(msb - lsb + 1)) - 1n)) !== 0n)
    .map(({ name }) => name)
  return names.length === 0 ? [registerName(id)] : names.map(name => `${registerName(id)}.${name}`)
}

const isAarch32 = (encoding: Encoding): boolean => encoding >= 0xc008 && encoding <= 0xc01f

/** What userspace may write into ID registers on `has` and not on `lacks`. */
function writableOnly(differing: Differing, side: 'a' | 'b'): readonly string[] {
  const { has, lacks } = sides(differing, side === 'b')
  const fields: string[] = []
  let aarch32 = 0
  for (const { rule, ...values } of differing.changes) {
    const encoding = Number.parseInt(rule.slice(rule.lastIndexOf('.') + 1), 16)
    const mask = hex(values[side]) & ~hex(values[side === 'a' ? 'b' : 'a'])
    if (mask === 0n) continue
    if (isAarch32(encoding)) aarch32++
    else fields.push(...fieldsIn(encoding, mask))
  }
  const what = [...(aarch32 === 0 ? [] : [`${aarch32} AArch32 ID registers`]), ...(fields.length === 0 ? [] : [listed(fields, 10)])]
  return what.length === 0
    ? []
    : [`before the first run a VMM may lower ${what.join(', and of the 64-bit ones ')} on ${has}; on ${lacks} only the kernel's own value is taken there`]
}

const FORGIVEN: Readonly<Record<Forgiveness, string>> = {
  mpam: 'ID_AA64PFR0_EL1.MPAM as the hardware has it',
  nv: 'ID_AA64MMFR2_EL1.NV as the hardware has it',
  'pmuver-impdef': 'an IMPLEMENTATION DEFINED PMU in ID_AA64DFR0_EL1 and ID_DFR0_EL1',
  'mte-frac': 'ID_AA64PFR1_EL1.MTE_frac 0 of kernels that hid the hardware value',
  'double-lock': 'ID_AA64DFR0_EL1.DoubleLock of kernels that showed it to nested guests',
}

/** KVM_ARM_TARGET_* of arch/arm64/include/uapi/asm/kvm.h. */
const TARGETS: Readonly<Record<string, string>> = { 0: 'AEMv8', 1: 'Foundation', 2: 'Cortex-A57', 3: 'X-Gene', 4: 'Cortex-A53', 5: 'generic' }
const MP_STATES: Readonly<Record<string, string>> = { 0: 'RUNNABLE', 5: 'STOPPED', 10: 'SUSPENDED' }
const WORKAROUNDS: Readonly<Record<1 | 2 | 3, string>> = { 1: 'Spectre v2', 2: 'Spectre v4', 3: 'Spectre-BHB' }
const SET_CLEAR: Readonly<Record<string, string>> = {
  store: 'stores them as they are',
  masked: 'keeps only the bits of counters that exist',
  'set-clear': 'sets or clears bits as the instruction would',
}

const service = (rule: string, code: string, what: string): RuleWords => ({
  part: 'guest',
  rule: new RegExp(`^firmware\\.${rule}$`),
  who: 'guest',
  code,
  say: either(`${what} on {has}; on {lacks} it is told NOT_SUPPORTED`),
  source: 'recordings: psci, fweffect',
})

const conduit = (rule: string, call: string): RuleWords => ({
  part: 'guest',
  rule: new RegExp(`^firmware\\.conduits\\.${rule}$`),
  who: 'guest',
  code: 'conduit',
  say: either(`a guest that calls its firmware with ${call} is answered on {has}; on {lacks} every such call returns -1`),
  source: 'recordings: psci, calls by every conduit',
})

const vmmRule = (rule: RegExp, code: string, say: RuleWords['say'], source: string): RuleWords => ({ part: 'rules', rule, who: 'vmm', code, say, source })

/** First row that fits a path; the order is that of the sentences. */
export const RULE_WORDS: readonly RuleWords[] = [
  // what a guest is answered
  {
    part: 'guest',
    rule: /^psci\.default$/,
    who: 'guest',
    code: 'psci-default',
    say: ({ changes: [change], names }) => {
      const [from = '', to = ''] = [change?.a, change?.b]
      const rows = describePsciStep(from, to)
      const part = (change: 'appears' | 'vanishes', verb: string): string[] => {
        const found = rows.filter(row => row.change === change)
        return found.length === 0 ? [] : [`${listed(found.map(row => `${row.name} (${row.meaning})`))} ${found.length === 1 ? change : verb}`]
      }
      const step = [...part('appears', 'appear'), ...part('vanishes', 'vanish')].join('; ')
      return [
        `a new guest gets PSCI ${to} on ${names.b}, ${from} on ${names.a}${step === '' ? '' : `: ${step}`}; a restored one keeps its version if the VMM writes KVM_REG_ARM_PSCI_VERSION`,
      ]
    },
    source: 'recordings: psci; Linux arch/arm64/kvm/hypercalls.c',
  },
  {
    part: 'guest',
    rule: /^psci\.accepted$/,
    who: 'vmm',
    code: 'psci-accepted',
    say: differing => {
      const { a, b } = only(differing)
      const sentence = (versions: readonly string[], has: string, lacks: string): string[] =>
        versions.length === 0
          ? []
          : [`a guest can be pinned to PSCI ${listed(versions)} on ${has} only; ${lacks} refuses that value of KVM_REG_ARM_PSCI_VERSION with EINVAL`]
      return [...sentence(b, differing.names.b, differing.names.a), ...sentence(a, differing.names.a, differing.names.b)]
    },
    source: 'recordings: fwwrite',
  },
  service('trng', 'service-trng', 'a guest that asks its firmware for random numbers (TRNG) gets them'),
  service('pvTime', 'service-pv-time', 'a guest that asks for stolen time (PV_TIME_FEATURES) is told that it exists'),
  service('vendorUid', 'service-vendor-uid', 'a guest that asks who its hypervisor is (vendor UID) finds KVM'),
  service('vendorFeatures', 'service-vendor-features', 'a guest that asks for the vendor services (KVM_FEATURES) gets their list'),
  service('vendorPtp', 'service-ptp', "a guest that asks for the host's precise clock (PTP) gets it"),
  conduit('hvc0', 'HVC #0'),
  conduit('hvcOther', 'HVC and a number other than 0'),
  conduit('smc0', 'SMC #0'),
  conduit('smcOther', 'SMC and a number other than 0'),
  {
    part: 'guest',
    rule: /^firmware\.workaroundCalls$/,
    who: 'guest',
    code: 'workaround-calls',
    say: either('the calls SMCCC_ARCH_WORKAROUND_1 to 3 are answered on {has}, not on {lacks}'),
    source: 'recordings: psci',
  },
  {
    part: 'guest',
    rule: /^firmware\.strictAffinity$/,
    who: 'guest',
    code: 'strict-affinity',
    say: either('CPU_ON and AFFINITY_INFO with bits outside the affinity fields of an MPIDR return INVALID_PARAMETERS on {has}; {lacks} ignores those bits'),
    source: 'recordings: psci; Linux e10ecb4d6c07',
  },
  {
    part: 'guest',
    rule: /^firmware\.systemSuspend$/,
    who: 'guest',
    code: 'system-suspend',
    say: either('a guest can suspend the whole system (PSCI SYSTEM_SUSPEND) on {has}, if the VMM switches that on; on {lacks} it cannot'),
    source: 'recordings: event with KVM_CAP_ARM_SYSTEM_SUSPEND',
  },
  {
    part: 'guest',
    rule: /^workarounds$/,
    who: 'guest',
    code: 'mitigation-level',
    say: ({ changes: [change], names }) => {
      const [a, b] = [numbers(change?.a), numbers(change?.b)]
      return ([1, 2, 3] as const).flatMap(n => {
        const [before = 0, after = 0] = [a[n - 1], b[n - 1]]
        if (before === after) return []
        const [high, low] = before > after ? [names.a, names.b] : [names.b, names.a]
        const level = (value: number) => showWorkaround(n, BigInt(value))
        return [
          `${WORKAROUNDS[n]} (SMCCC_ARCH_WORKAROUND_${n}): a guest is told ${level(after)} on ${names.b}, ${level(before)} on ${names.a}; ${low} refuses a guest from ${high} with EINVAL, ${high} takes one from ${low} and silently tells it more`,
        ]
      })
    },
    source: 'recordings: fwwrite, cross-host replays',
  },
  {
    part: 'guest',
    rule: /^firmware\.eventData$/,
    who: 'vmm',
    code: 'event-data',
    say: either(
      'KVM_EXIT_SYSTEM_EVENT for SYSTEM_OFF and SYSTEM_RESET says in data[0] how the guest went (ndata is 1) on {has}; on {lacks} there are only type and flags',
    ),
    source: 'recordings: event',
  },
  {
    part: 'guest',
    rule: /^bitmaps\.\d+\.(bits|initial)$/,
    who: 'vmm',
    code: 'service-bitmap',
    say: differing => {
      const indexes = [...new Set(differing.changes.map(({ rule }) => Number(rule.split('.')[1])))]
      return indexes.map(index => {
        const [a, b] = [differing.a, differing.b].map(build => build.kernel.bitmaps.find(bitmap => bitmap.index === index))
        const id = bitmapId(index)
        const name = registerName(id)
        const say = (bits: bigint): string => bitmapNames(id, bits).join(' ') || 'none'
        if (a && b)
          return `${name} takes ${say(b.bits)} on ${differing.names.b} (new guests: ${say(b.initial)}), ${say(a.bits)} on ${differing.names.a} (new guests: ${say(a.initial)})`
        const { has, lacks } = sides(differing, b !== undefined)
        const { bits, initial } = (b ?? a)!
        const services = BITMAP_BITS.filter(row => row.register === id && (bits >> BigInt(row.bit)) & 1n).map(row => row.service)
        return `${has} lists ${name}, by which a VMM offers or withholds ${listed(services)} before the first run (new guests: ${say(initial)}); ${lacks} does not know it (ENOENT)`
      })
    },
    source: 'recordings: fwwrite, regs',
  },

  // registers of firmware and their checks
  vmmRule(
    /^workarounds$/,
    'workaround-registers',
    differing => {
      const { a, b } = only(differing)
      const sentence = (found: readonly string[], has: string, lacks: string): string[] =>
        found.length === 0 ? [] : [`${listed(found.map(n => `KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_${n}`))} exists on ${has} only; ${lacks} refuses it with ENOENT`]
      return [...sentence(b, differing.names.b, differing.names.a), ...sentence(a, differing.names.a, differing.names.b)]
    },
    'recordings: regs',
  ),
  vmmRule(
    /^workaround2FollowsVm$/,
    'workaround-2-follows-vm',
    either(
      "{has} judges SMCCC_ARCH_WORKAROUND_2 by the VM's own ID_AA64PFR1_EL1.SSBS, so ID registers must be restored before it; {lacks} judges by the host's",
    ),
    'Linux e8d164974cfa; recordings: fwwrite',
  ),
  vmmRule(
    /^workaround2\.(low|high)$/,
    'workaround-2-values',
    ({ a, b, names }) => {
      const say = ({ low, high }: { readonly low: readonly bigint[]; readonly high: readonly bigint[] }): string =>
        `${low.join(' ')} as not protected and ${high.join(' ')} as protected`
      return [`SMCCC_ARCH_WORKAROUND_2 takes ${say(b.kernel.workaround2)} on ${names.b}, ${say(a.kernel.workaround2)} on ${names.a}`]
    },
    'recordings: fwwrite',
  ),

  // ID registers
  vmmRule(
    /^idRegisters\.writable\.(c000|c006|c807)$|^writableImpId$/,
    'implementation-id-writable',
    differing => {
      const { has, lacks } = sides(differing, differing.b.kernel.writableImpId)
      return [
        `MIDR_EL1, REVIDR_EL1 and AIDR_EL1 can be written on ${has} before the first run when the VM enables KVM_CAP_ARM_WRITABLE_IMP_ID_REGS before its first vCPU; ${lacks} takes only the CPU's own values`,
      ]
    },
    'recordings: impid in idmasks',
  ),
  vmmRule(
    /^idRegisters\.(policy|writable\.[0-9a-f]+)$/,
    'id-registers-writable',
    differing => {
      const [a, b] = [differing.a.kernel.idRegisters, differing.b.kernel.idRegisters]
      const masks = { ...differing, changes: differing.changes.filter(({ rule }) => rule !== 'idRegisters.policy') }
      if (a.policy === b.policy) return [...writableOnly(masks, 'b'), ...writableOnly(masks, 'a')]
      const { has, lacks } = sides(differing, b.policy === 'masked')
      const encodings = [...(b.policy === 'masked' ? b : a).writable.keys()].filter(encoding => encoding >= 0xc008 && encoding <= 0xc03f)
      const aarch32 = encodings.filter(isAarch32).length
      const kept = (b.policy === 'masked' ? a : b).lowerable.map(({ encoding, shift }) => fieldName(`${encoding.toString(16)}.${shift}`))
      return [
        `ID registers can be lowered by a VMM before the first run on ${has} (fields of ${encodings.length} of them${aarch32 > 0 ? ', the AArch32 ones included' : ''}); ${lacks} takes only its own values${kept.length === 0 ? '' : `, but for ${listed(kept)}`}`,
      ]
    },
    'recordings: idmasks, idregs',
  ),
  vmmRule(
    /^idRegisters\.uncovered\.[0-9a-f]+$/,
    'id-registers-uncovered',
    ({ changes, names }) => [
      `KVM_ARM_GET_REG_WRITABLE_MASKS promises bits that cannot be written in practice, others on ${names.a} than on ${names.b}: ${listed(
        changes.flatMap(({ rule, a, b }) => fieldsIn(Number.parseInt(rule.slice(rule.lastIndexOf('.') + 1), 16), hex(a) ^ hex(b))),
      )}`,
    ],
    'recordings: idmasks against idregs',
  ),
  vmmRule(
    /^idRegisters\.lowerable$/,
    'id-fields-lowerable',
    differing => {
      const { a, b } = only(differing)
      const sentence = (found: readonly string[], has: string, lacks: string): string[] =>
        found.length === 0 ? [] : [`${listed(found.map(fieldName))} may be lowered at any time, even after the first run, on ${has}; not on ${lacks}`]
      return [...sentence(b, differing.names.b, differing.names.a), ...sentence(a, differing.names.a, differing.names.b)]
    },
    'recordings: idregs after the first run',
  ),
  vmmRule(
    /^idRegisters\.afterRun$/,
    'id-registers-after-run',
    ({ changes: [change], names }) => {
      const say = (errno: string | undefined): string => (errno === '16' ? 'EBUSY' : errno === '22' ? 'EINVAL' : `errno ${errno}`)
      return [`another value for an ID register after the first run is refused with ${say(change?.b)} on ${names.b}, ${say(change?.a)} on ${names.a}`]
    },
    'recordings: idregs after the first run',
  ),
  vmmRule(
    /^idRegisters\.forgives$/,
    'id-registers-forgiven',
    differing => {
      const { a, b } = only(differing)
      const sentence = (found: readonly string[], has: string, lacks: string): string[] =>
        found.length === 0
          ? []
          : [
              `${has} takes and drops what older kernels showed by mistake: ${listed(found.map(rule => FORGIVEN[rule as Forgiveness] ?? rule))}; ${lacks} has no such exception`,
            ]
      return [...sentence(b, differing.names.b, differing.names.a), ...sentence(a, differing.names.a, differing.names.b)]
    },
    `recordings: replays; ${KVM}/sys_regs.c`,
  ),
  vmmRule(
    /^idRegisters\.minimum$/,
    'id-registers-minimum',
    differing => {
      const { a, b } = only(differing)
      const sentence = (found: readonly string[], has: string, lacks: string): string[] =>
        found.length === 0 ? [] : [`${has} refuses ${listed(found.map(fieldName))} whatever the field is allowed otherwise; ${lacks} does not`]
      return [...sentence(b, differing.names.b, differing.names.a), ...sentence(a, differing.names.a, differing.names.b)]
    },
    `recordings: idregs; ${KVM}/sys_regs.c`,
  ),
  vmmRule(
    /^idRegisters\.aarch32Absent$/,
    'aarch32-absent',
    either(
      "of a CPU without AArch32, {has} takes any value for the AArch32 ID registers and keeps 0; {lacks} takes only the CPU's own",
      value => value === 'ignored',
    ),
    'recordings: replays of neoverse CPUs; Linux selftests aarch32_id_regs',
  ),
  vmmRule(
    /^idRegisters\.keepsPerVcpu$/,
    'per-vcpu-id-kept',
    either('MPIDR_EL1 and CLIDR_EL1 that a VMM wrote survive a second KVM_ARM_VCPU_INIT and a CPU_ON on {has}; on {lacks} they are reset'),
    'recordings: fwreinit, idregs',
  ),
  vmmRule(
    /^idRegisters\.firstRunClears(\.\d+\.(register|mask|unless))?$/,
    'first-run-clears-gic',
    ({ a, b, names }) => {
      const say = (name: string, rules: typeof a.kernel.idRegisters.firstRunClears): string => {
        if (rules.length === 0) return `${name} leaves them as they are`
        const fields = rules.flatMap(({ encoding, mask }) => fieldsIn(encoding, mask))
        return `the first run on ${name} clears ${listed(fields)} ${rules[0]?.unless === 'v3' ? 'unless the VM has an in-kernel GICv3' : 'of a VM without in-kernel interrupt controller'}`
      }
      return [
        `ID fields of the interrupt controller: ${say(names.b, b.kernel.idRegisters.firstRunClears)}; ${say(names.a, a.kernel.idRegisters.firstRunClears)}`,
      ]
    },
    `recordings: replays before and after the first run; ${KVM}/sys_regs.c, kvm_finalize_sys_regs`,
  ),
  vmmRule(
    /^idRegisters\.gicV3Sets$/,
    'gicv3-announced',
    differing => {
      const { has, lacks } = sides(differing, words(differing.changes[0]?.b).length > 0)
      const fields = words(differing.changes[0]?.b || differing.changes[0]?.a).map(fieldName)
      return [`creating a GICv3 sets ${listed(fields)} on ${has}; on ${lacks} the CPU's own values stay`]
    },
    `${KVM}/vgic/vgic-init.c, kvm_vgic_finalize_idregs`,
  ),
  vmmRule(
    /^idRegisters\.firstRunDependencies(\.\d+\.(field|requires))?$/,
    'first-run-dependencies',
    differing => {
      const { has, lacks } = sides(
        differing,
        differing.b.kernel.idRegisters.firstRunDependencies.length > differing.a.kernel.idRegisters.firstRunDependencies.length,
      )
      const rules = [differing.b, differing.a].map(build => build.kernel.idRegisters.firstRunDependencies).find(list => list.length > 0) ?? []
      const fields = rules.map(({ encoding, shift }) => fieldName(`${encoding.toString(16)}.${shift}`))
      const needs = rules[0] ? fieldName(`${rules[0].requires.encoding.toString(16)}.${rules[0].requires.shift}`) : ''
      return [`the first run on ${has} clears ${listed(fields)} while ${needs} is 0, so that they read other than they were written; ${lacks} does not`]
    },
    `${KVM}/sys_regs.c, kvm_idregs_enforce_dependencies`,
  ),

  // caches
  vmmRule(
    /^clidr$/,
    'clidr-writable',
    either("{has} takes any plausible cache hierarchy (CLIDR_EL1); {lacks} takes only its CPU's own", value => value === 'checked'),
    'recordings: replays, idregs',
  ),
  vmmRule(
    /^demux\.(policy|selectors)$/,
    'cache-selectors',
    differing => {
      const [a, b] = [differing.a.kernel.demux, differing.b.kernel.demux]
      if (a.policy === b.policy)
        return [`${b.selectors} cache selectors (CCSIDR_EL1) are listed on ${differing.names.b}, ${a.selectors} on ${differing.names.a}`]
      const { has, lacks } = sides(differing, b.policy === 'virtual')
      const all = (b.policy === 'virtual' ? b : a).selectors
      const own = (b.policy === 'virtual' ? differing.a : differing.b).host.ccsidr.size
      return [
        `all ${all} cache selectors (CCSIDR_EL1) are listed on ${has}, made up by KVM and writable; ${lacks} lists only the ${own} of its CPU and takes only their own values`,
      ]
    },
    'recordings: regs; Linux 7af0c2534f4c',
  ),

  // timers
  vmmRule(
    /^timers\.istatus$/,
    'timer-istatus',
    either(
      'ISTATUS of a timer control register reads as the comparison on {has}; on {lacks} it never appears: a difference that means nothing',
      value => value === 'computed',
    ),
    'recordings: replays across 6.17 and 6.18',
  ),
  vmmRule(
    /^timers\.counterOffset$/,
    'counter-offset',
    either(
      'a VMM can set the counter offset of a VM (KVM_ARM_SET_COUNTER_OFFSET) on {has}, after which writes of the counters are ignored; {lacks} has no such call',
    ),
    'recordings: timer',
  ),
  vmmRule(
    /^timers\.keepsCompare$/,
    'timer-reset',
    either('a reset of a vCPU leaves the compare values of its timers on {has}; {lacks} clears them'),
    'recordings: fwreinit',
  ),

  // PMU
  vmmRule(
    /^pmu\.setClear$/,
    'pmu-set-clear',
    ({ changes: [change], names }) => [
      `a restored PMU: for PMCNTENSET, PMINTENSET, PMOVSSET and their CLR twins ${names.b} ${SET_CLEAR[change?.b ?? ''] ?? change?.b}, ${names.a} ${SET_CLEAR[change?.a ?? ''] ?? change?.a}`,
    ],
    'recordings: replays with pmu_v3',
  ),
  vmmRule(
    /^pmu\.pmcrMask$/,
    'pmcr-mask',
    ({ changes: [change], names }) => [`a write of PMCR_EL0 keeps bits 0x${change?.b} on ${names.b}, 0x${change?.a} on ${names.a}`],
    'recordings: replays with pmu_v3',
  ),

  // vCPUs and VMs
  vmmRule(
    /^host\.features$/,
    'vcpu-features',
    differing => {
      const [a, b] = [Number(differing.changes[0]?.a), Number(differing.changes[0]?.b)]
      const sentence = (mask: number, has: string, lacks: string): string[] =>
        mask === 0
          ? []
          : [`vCPUs can have ${listed(featuresOf(mask))} on ${has} only; KVM_ARM_VCPU_INIT with ${mask & (mask - 1) ? 'any of them' : 'it'} fails on ${lacks}`]
      return [...sentence(b & ~a, differing.names.b, differing.names.a), ...sentence(a & ~b, differing.names.a, differing.names.b)]
    },
    'recordings: errs',
  ),
  vmmRule(
    /^host\.targets$/,
    'vcpu-targets',
    ({ changes: [change], names }) => {
      const say = (text: string | undefined): string => listed(words(text).map(n => TARGETS[n] ?? n))
      return [`KVM_ARM_VCPU_INIT takes the targets ${say(change?.b)} on ${names.b}, ${say(change?.a)} on ${names.a}`]
    },
    'recordings: errs',
  ),
  vmmRule(
    /^host\.mitigatesSsb$/,
    'mitigates-ssb',
    either('{has} mitigates Spectre v4 by SSBS, so what SMCCC_ARCH_WORKAROUND_2 may say depends on SSBS there; on {lacks} it does not'),
    'recordings: fwwrite',
  ),
  vmmRule(
    /^host\.vectorLengths$/,
    'vector-lengths',
    ({ changes: [change], names }) => {
      const say = (text: string | undefined): string => {
        const bits = hex(text)
        const lengths = [...bits.toString(2)].reverse().flatMap((bit, n) => (bit === '1' ? [(n + 1) * 128] : []))
        return lengths.length === 0 ? 'none' : `${lengths.length} up to ${lengths.at(-1)} bits`
      }
      return [
        `SVE vector lengths: ${say(change?.b)} on ${names.b}, ${say(change?.a)} on ${names.a}; a guest with SVE moves only where its own set of lengths, up to its longest, is there exactly`,
      ]
    },
    'recordings: regs with sve; Linux Documentation/virt/kvm/api.rst, KVM_REG_ARM64_SVE_VLS',
  ),
  vmmRule(
    /^init\.known$/,
    'feature-bits-known',
    differing => {
      const [a, b] = [Number(differing.changes[0]?.a), Number(differing.changes[0]?.b)]
      const sentence = (mask: number, has: string, lacks: string): string[] =>
        mask === 0 ? [] : [`${has} knows the vCPU feature bits ${listed(featuresOf(mask))}; ${lacks} answers ENOENT to them`]
      return [...sentence(b & ~a, differing.names.b, differing.names.a), ...sentence(a & ~b, differing.names.a, differing.names.b)]
    },
    'recordings: errs',
  ),
  vmmRule(
    /^init\.sameFeatures$/,
    'same-features',
    either('all vCPUs of a VM must have the same features on {has} (EINVAL otherwise); {lacks} lets them differ'),
    'recordings: errs; Linux 2251e9ff1573',
  ),
  vmmRule(
    /^init\.comparesPowerOff$/,
    'power-off-compared',
    either('a second KVM_ARM_VCPU_INIT that differs in POWER_OFF fails with EINVAL on {has}; {lacks} takes it'),
    'recordings: errs; Linux e3c1c0cae31e',
  ),
  vmmRule(
    /^init\.widthCountsUninitialised$/,
    'vcpu-width',
    either('a 32-bit vCPU cannot be initialised on {has} while another vCPU of the VM is not; {lacks} looks only at initialised ones'),
    'recordings: errs of 32-bit vCPUs',
  ),
  vmmRule(
    /^init\.e2h0Alone$/,
    'e2h0-alone',
    either('the vCPU feature has_el2_e2h0 without has_el2 is taken on {has} (and means nothing); {lacks} refuses it'),
    'recordings: errs',
  ),
  vmmRule(
    /^mpStates$/,
    'mp-states',
    differing => {
      const { a, b } = only(differing)
      const sentence = (found: readonly string[], has: string, lacks: string): string[] =>
        found.length === 0
          ? []
          : [`a vCPU can be put into the state ${listed(found.map(state => MP_STATES[state] ?? state))} on ${has}; ${lacks} refuses that with EINVAL`]
      return [...sentence(b, differing.names.b, differing.names.a), ...sentence(a, differing.names.a, differing.names.b)]
    },
    'recordings: mpstate',
  ),
  vmmRule(
    /^smcccFilter$/,
    'smccc-filter',
    either(
      'a VMM can deny or take over guest calls with an SMCCC filter (KVM_ARM_VM_SMCCC_FILTER) on {has}; {lacks} has none, and no register list shows that one was set',
    ),
    'recordings: smccc_filter',
  ),
  vmmRule(
    /^systemSuspend$/,
    'system-suspend-capability',
    either('KVM_CAP_ARM_SYSTEM_SUSPEND exists on {has}, not on {lacks}; a VMM must enable it again after a restore'),
    'recordings: meta',
  ),
  vmmRule(
    /^order$/,
    'list-order',
    ({ a, b, names }) => {
      const [x, y] = [a, b].map(build => build.kernel.sysregs.map(row => row.encoding)) as [Encoding[], Encoding[]]
      const [inA, inB] = [new Set(x), new Set(y)]
      const [commonA, commonB] = [x.filter(each => inB.has(each)), y.filter(each => inA.has(each))]
      const moved = commonA.find((encoding, at) => encoding !== commonB[at])
      if (moved === undefined)
        return [
          `the system registers that both kernels know stand in the same order in the register list, with ${count(inB, inA)} that only ${names.b} knows and ${count(inA, inB)} that only ${names.a} knows between them`,
        ]
      return [`the register list has another order from ${registerName(encodingId(moved))} on: a VMM must go by id, never by position`]
    },
    'recordings: regs',
  ),
]

const count = (of: ReadonlySet<Encoding>, without: ReadonlySet<Encoding>): number => [...of].filter(each => !without.has(each)).length

/** The row for a rule path; undefined for one that nobody has put into words. */
export const ruleWords = (part: RuleWords['part'], rule: string): RuleWords | undefined => RULE_WORDS.find(row => row.part === part && row.rule.test(rule))
