// Owns what to do about a load that fails or that the guest notices, best first: mend the file, take another VMM, rewrite for the target, then what keeps
// the next guest out of it. Options of the VMMs are vmm-options.ts. Names a command only where it exists.
import { showRegId } from '../../../arch/reg-id.ts'
import { findBuild } from '../../../builds/load.ts'
import type { Advice } from '../check-report.ts'
import type { Case } from './case.ts'
import { workaroundOf } from './cause.ts'
import { faultAdvice } from './file-faults.ts'
import { isOrder, migrateOutlook, UNMENDABLE } from './migrate-codes.ts'
import { foldNames, listNames } from './names.ts'
import { olderVersionTaken } from './psci-words.ts'
import { TITLES, vmmOptions } from './vmm-options.ts'

/** Where a command has FILE and OUT, the reader puts the names; BUILD stands for a build that has no name of its own. */
export const adviceOf = (about: Case): readonly Advice[] =>
  [
    ...faultAdvice(about.findings),
    ...otherVmm(about),
    ...(about.verdict === 'survives' ? [] : [...procedure(about), ...migrate(about), ...drop(about), ...vmmOptions(about), ...host(about), ...fleet(about)]),
  ].filter((advice, at, all) => all.findIndex(other => other.code === advice.code && other.message === advice.message) === at)

/** Another release of the same VMM gets further. Source: facts/qemu-stream.md §8 (tolerances of 11.1), both loads done here. */
function otherVmm({ load, other }: Case): readonly Advice[] {
  if (!other || load.outcome === 'loads' || other.load.outcome === 'fails') return []
  const dropped = [...new Set(other.load.dropped.map(row => row.name))]
  const without = dropped.length === 0 ? '' : `, leaving out ${listNames(dropped)}`
  const seen = other.verdict === 'changed' ? '; the guest can notice it' : ''
  return [{ code: 'other-vmm', message: `run ${TITLES[other.load.vmm]} on the target host: it loads this file there${without}${seen}` }]
}

const target = ({ build }: Case): string => (findBuild(build.name) ? build.name : 'BUILD')

function migrate(about: Case): readonly Advice[] {
  const { codes, helps } = migrateOutlook(about)
  if (!helps) return []
  const { load, psci } = about
  const pin = psci.saved === null ? ' --pin-psci X.Y' : ''
  const command = `psci-snap migrate FILE --to ${target(about)}${load.vmm === 'kvm' ? '' : ` --vmm ${load.vmm}`} -o OUT${pin}`
  const allowed = codes.filter(code => pin === '' || code !== 'psci-version-missing')
  const allow = allowed.length === 0 ? '' : ` --allow ${allowed.join(',')}`
  if (pin !== '')
    return [
      { code: 'migrate', message: 'write the PSCI version that the guest booted with into the file, and what else this host needs', command: command + allow },
    ]
  // Where the VMM stops before KVM is asked, what KVM would refuse is not known here.
  if (load.decidedBy?.stage === 'count' || load.decidedBy?.stage === 'list')
    return [{ code: 'migrate', message: 'rewrite the file for this host; what the guest could notice of it is said, and done only with --allow', command }]
  if (allow === '') return [{ code: 'migrate', message: 'rewrite the file for this host; nothing of it changes that the guest could notice', command }]
  return [
    {
      code: 'migrate',
      message: 'rewrite the file for this host; a running guest could notice what stands behind --allow',
      command: command + allow,
    },
  ]
}

/** Names that fit a command line; beyond that `migrate` is the shorter way. */
const MOST_NAMES = 4

/** When all that is refused can be left out, and is little. */
function drop({ refusals }: Case): readonly Advice[] {
  const names = refusals.map(row => row.name)
  if (refusals.length === 0 || !refusals.every(row => row.droppable && !isOrder(row)) || foldNames(names).length > MOST_NAMES || names.length > MOST_NAMES)
    return []
  return [
    {
      code: 'drop-registers',
      message: `or only take out what is refused: nothing is lost without ${names.length === 1 ? 'it' : 'them'}`,
      command: `psci-snap edit FILE -o OUT${names.map(name => ` --drop '${name}'`).join('')}`,
    },
  ]
}

/** Registers of the 32-bit architecture, as QEMU's TCG saves them. */
const foreignIds = ({ vcpus }: Case['snapshot']): readonly bigint[] => [...(vcpus[0]?.registers.ids ?? [])].filter(id => id >> 56n === 0x40n)

/** What a VMM's code must do in another order, or switch on first. Sources: as in cause.ts. */
function procedure({ refusals, build, features, load, snapshot }: Case): readonly Advice[] {
  const out: Advice[] = []
  const foreign = foreignIds(snapshot)
  if (load.decidedBy?.stage === 'other' && foreign.length > 0) {
    out.push({
      code: 'tcg-only',
      message: 'load it with QEMU under TCG (-accel tcg), or boot the guest anew under KVM: its state does not move from one to the other',
    })
    if (foreign.length <= MOST_NAMES)
      out.push({
        code: 'drop-registers',
        message: 'where these few are all that is left of TCG in a list of KVM, take them out',
        command: `psci-snap edit FILE -o OUT${foreign.map(id => ` --drop ${showRegId(id)}`).join('')}`,
      })
  }
  if (refusals.some(row => row.name === 'KVM_REG_ARM64_SVE_VLS' && row.errno === 'EPERM'))
    out.push({
      code: 'vls-before-finalize',
      message:
        'the VMM must write KVM_REG_ARM64_SVE_VLS after KVM_ARM_VCPU_INIT and before KVM_ARM_VCPU_FINALIZE, everything else after it (Firecracker does so from v1.7 on)',
    })
  if (build.kernel.workaround2FollowsVm && refusals.some(row => workaroundOf(row.id) === 2 && row.errno === 'EINVAL' && row.there === undefined))
    out.push({ code: 'id-registers-first', message: 'the VMM must write ID registers before firmware registers, or try refused registers again at the end' })
  if (refusals.some(row => isVector(row.name) && row.errno === 'EINVAL') && features.includes('sve'))
    out.push({
      code: 'vcpu-without-sve',
      message:
        'the VMM must create the vCPUs as they were saved, without SVE; a guest that did have SVE must be saved again with its Z registers (Cloud Hypervisor does so from v53 on)',
    })
  return out
}

const isVector = (name: string): boolean => /^V\d+$/.test(name)

/** What the host itself could offer. */
function host({ refusals, load, findings, build, snapshot }: Case): readonly Advice[] {
  const isTcg = foreignIds(snapshot).length > 0
  const weaker = refusals.some(row => workaroundOf(row.id) !== undefined && row.errno === 'EINVAL' && row.there !== undefined)
  const vls = refusals.some(row => row.name === 'KVM_REG_ARM64_SVE_VLS' && row.errno === 'EINVAL')
  const out: Advice[] = []
  if (load.decidedBy?.stage === 'vcpu')
    out.push({
      code: 'other-host',
      message: load.decidedBy.message.startsWith('KVM_CREATE_VCPU')
        ? 'choose a host that has room for so many vCPUs; which of the known hosts take the file'
        : 'choose a host that offers these vCPU features, or start the guest without them on its source; which of the known hosts take the file',
      command: 'psci-snap check FILE --to all',
    })
  else if (findings.some(({ code, severity }) => severity === 'error' && UNMENDABLE.has(code)) && !isTcg)
    out.push({
      code: 'other-host',
      message: 'choose a host, or a release of the VMM, that takes it; which of the known hosts do',
      command: 'psci-snap check FILE --to all',
    })
  if (build.kernel.writableImpId && refusals.some(row => ['MIDR_EL1', 'REVIDR_EL1', 'AIDR_EL1'].includes(row.name)))
    out.push({
      code: 'writable-imp-id',
      message:
        'the VMM can enable KVM_CAP_ARM_WRITABLE_IMP_ID_REGS (239) on the VM before it creates a vCPU: then this kernel takes MIDR_EL1, REVIDR_EL1 and AIDR_EL1 of another CPU',
    })
  if (weaker)
    out.push({
      code: 'host-mitigation',
      message:
        'look at the target host: started with mitigations=off, nospectre_v2 or nospectre_bhb, or with old firmware, it offers less protection than the guest relies on; another host may offer it',
    })
  if (vls)
    out.push({
      code: 'same-vector-lengths',
      message:
        'move the guest to a host with the same SVE vector lengths, or start it with fewer on its source (QEMU: -cpu host,sve128=on,sve256=off and so on)',
    })
  return out
}

/** The order in which a fleet is upgraded so that this does not come up again. Said where the host offers less than the guest was started with. */
function fleet(about: Case): readonly Advice[] {
  const { refusals, psci, snapshot, build } = about
  const isRollback = olderVersionTaken(about) !== undefined
  if (psci.saved === null || !(isRollback || refusals.some(row => row.errno === 'ENOENT' && !row.droppable))) return []
  const from = snapshot.origin.build ?? 'SOURCE'
  return [
    {
      code: 'upgrade-order',
      message: `guests that boot from now on: start them with what all hosts of the fleet have${isRollback ? ', then a rollback works too; else move them only to hosts that offer as much' : ''}`,
      command: `psci-snap builds baseline ${from} ${findBuild(build.name) ? build.name : 'BUILD'}`,
    },
  ]
}
