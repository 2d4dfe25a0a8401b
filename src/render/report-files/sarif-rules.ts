// table of what SARIF says about a finding's code: a title and what to do, for a reader who sees the code alone. Lints have theirs in model/lints.
import { LINTS } from '../../model/lints/table.ts'

/** A code, what it means in one sentence, why it matters and what to do. */
export type RuleRow = readonly [code: string, title: string, help: string]

const RULES: readonly RuleRow[] = [
  // the load, by the emulated target and by the VMM's own rules
  [
    'register-refused',
    'The target refuses a saved register.',
    'KVM_SET_ONE_REG fails on the target for a value that the file holds, and a VMM that checks errors stops there. The message names the register, the errno and the reason. Rewrite the file for the target with `psci-snap migrate FILE --to BUILD -o OUT`, or give the guest a CPU that both hosts have.',
  ],
  [
    'vcpu-init-refused',
    'The target cannot create a vCPU with the features that the guest has.',
    'KVM_ARM_VCPU_INIT or KVM_ARM_VCPU_FINALIZE fails. Boot the guest without the features that the target lacks (SVE, pointer authentication, PMU, EL2), or choose a host that has them.',
  ],
  [
    'load-fails',
    'The VMM does not load the file on the target.',
    "The VMM's own rules stop the load; the message says which. `psci-snap check FILE --to BUILD --vmm VMM` shows the whole report.",
  ],
  [
    'smccc-filter-refused',
    'The target refuses the SMCCC filter of the VM.',
    'The filter of hypercalls is an attribute of the VM since Linux 6.4. Without it the guest reaches calls that its VMM kept from it.',
  ],
  [
    'counter-offset-refused',
    'The target refuses the counter offset of the VM.',
    'KVM_ARM_SET_COUNTER_OFFSET exists since Linux 6.4. Without it the clock of the guest jumps.',
  ],
  [
    'system-suspend-refused',
    'The target cannot offer SYSTEM_SUSPEND.',
    'KVM_CAP_ARM_SYSTEM_SUSPEND exists since Linux 6.0. Without it a guest that was told of the call is refused when it makes it.',
  ],

  // what the guest notices
  [
    'psci-version-changed',
    'The guest gets another PSCI version than it booted with.',
    'A guest asks for the version once, at boot, and may use functions later that the new version does not have. Pin the saved one: `psci-snap migrate --pin-psci X.Y`, or `-cpu host,kvm-psci-version=X.Y` on QEMU 11 and later.',
  ],
  [
    'psci-version-missing',
    'The file, or one of its vCPUs, holds no PSCI version.',
    "Where nothing is written the guest gets the target's default, whatever it booted with. Pin the version that it booted with: `--pin-psci X.Y`.",
  ],
  [
    'register-changed',
    'A register reads back differently on the target.',
    'The target accepts the write and keeps something else. The guest can notice; the message names the register, its fields and both values.',
  ],
  [
    'mitigation-changed',
    'The guest is told another mitigation level.',
    'SMCCC_ARCH_FEATURES answers differently on the target for a CPU vulnerability; a guest asks once, at boot. Boot it again where the level matters.',
  ],
  [
    'service-appeared',
    'A firmware service appears that the guest did not have.',
    'The file holds no bitmap for it, so the default of the target decides. Write 0 to the bitmap register before the first run to keep it out.',
  ],
  [
    'service-vanished',
    'A firmware service vanishes that the guest had.',
    'Calls to it return NOT_SUPPORTED from now on. Choose a target that offers it, or boot the guest again.',
  ],
  ['guest-observed-change', 'The guest observed a change when it ran on the target.', 'The message says what the guest was told before and after.'],
  [
    'verdict-changed',
    'The guest can notice the move.',
    'Nothing is refused, but something that the guest can observe is different. `psci-snap check FILE --to BUILD` shows what.',
  ],

  // what the file holds
  ['no-vcpus', 'The snapshot has no vCPU.', 'There is nothing to restore; save the guest again.'],
  ['no-registers', 'A vCPU has no registers.', 'The vCPU would start as after a reset; save the guest again.'],
  [
    'duplicate-register',
    'A vCPU lists a register twice.',
    'The value that is written last stays. Find out which is right with `psci-snap inspect FILE --registers`.',
  ],
  [
    'firmware-register-missing',
    'Some vCPUs have a firmware register, others have none.',
    'Firmware registers belong to the VM: the last write decides. Save the guest again with a VMM that saves every listed register.',
  ],
  ['format-lacks-sve', 'The format cannot hold the vectors of a guest with SVE.', 'They are lost; save the guest with another VMM, or boot it without SVE.'],
  ['sve-vectors-cut', 'The file holds less of the SVE vectors than the guest has.', 'The rest is lost; save the guest again.'],
  ['no-vectors', 'A vCPU has no SIMD registers in the file.', 'Floating point and cryptography of the guest go wrong; save it again.'],
  ['value-too-wide', 'The file has more bytes of a register than it has.', 'The rest is left out. The file may come from another release of the VMM.'],
  ['power-state-unknown', 'A vCPU has a power state that does not exist.', 'It is taken as running. Set the power state after the restore.'],
  ['device-missing', 'The file describes a device and holds no state of it.', 'The device starts as after a reset; save the guest again.'],
  ['memory-missing', 'The guest memory is not there.', 'Registers can be checked without it; a restore needs it.'],
  [
    'memory-not-saved',
    'A part of guest memory was left out of the file.',
    'Keep the shared memory that the VMM left out, or save the guest again without leaving it out.',
  ],
  ['memory-not-placed', 'A part of the saved memory has no address in the guest.', 'Registers can be checked without it.'],
  ['memory-address-unknown', 'The file does not say where its memory is in the guest.', 'Registers can be checked without it.'],
  ['memory-overlaps', 'Regions of guest memory overlap.', 'Which one the guest sees is not known; save it again.'],
  ['section-not-read', 'A section of the file is not read.', 'The registers are there; what the section holds is not looked at.'],
  ['domain-xml-unread', "The domain's XML in the file is not read.", "What it says of the guest's CPU and features is not known; pass `--features` to say it."],
]

const rows = (): readonly RuleRow[] => [
  ...RULES,
  ...LINTS.map(({ code, title, reason, remedy }): RuleRow => [code, `${title[0]!.toUpperCase()}${title.slice(1)}.`, `${reason} What to do: ${remedy}.`]),
]

/** The row of a code; one made of the code's own words for a code without a row. */
export function ruleRow(code: string): RuleRow {
  const words = code.replaceAll('-', ' ')
  return (
    rows().find(([known]) => known === code) ?? [
      code,
      `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}.`,
      'The message says what was found. `psci-snap check FILE --to BUILD` shows the whole report.',
    ]
  )
}

/** Codes with a row of their own. */
export const ruleCodes = (): ReadonlySet<string> => new Set(rows().map(([code]) => code))
