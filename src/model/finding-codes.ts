// table of finding codes: what each means and what to do, for a reader who sees the code alone. Lints have theirs in lints/table.ts, changes that a
// migration makes in ops/migrate. Codes are stable public API; a test holds this table against the codes in src/.

/** A code, what it means in one sentence, why it matters and what to do. */
export type FindingCodeRow = readonly [code: string, title: string, help: string]

export const FINDING_CODES: readonly FindingCodeRow[] = [
  // the load, by the emulated target and by the VMM's own rules
  [
    'register-refused',
    'The target refuses a saved register.',
    'KVM_SET_ONE_REG fails on the target for a value that the file holds, and a VMM that checks errors stops there. The message names the register, the errno and the reason. Rewrite the file for the target with `psci-snap migrate FILE --to BUILD -o OUT`, or give the guest a CPU that both hosts have.',
  ],
  [
    'vcpu-refused',
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
    'capability-refused',
    'The target cannot enable a capability that the VM was saved with.',
    'The message names the KVM capability. Without it the guest misses what it stands for, such as SYSTEM_SUSPEND; choose a host whose kernel has it.',
  ],
  ['gic-refused', 'The target cannot create the interrupt controller of the VM.', 'The host has no GIC of that version for guests; choose one that has it.'],
  ['events-refused', 'The target refuses the pending events of a vCPU.', 'KVM_SET_VCPU_EVENTS fails; a pending SError of the guest would be lost.'],
  ['mp-state-refused', 'The target refuses the power state of a vCPU.', 'KVM_SET_MP_STATE fails; the suspended state, for example, exists since Linux 5.19.'],
  ['pin-refused', 'The target does not know the PSCI version that was asked for.', 'Choose a version that `psci-snap builds show BUILD` lists.'],
  ['load-refused', 'The VMM does not accept the file at all.', 'Its own checks come before any register; the message says which one fails.'],
  [
    'list-too-long',
    'The file has more registers than the target lists.',
    'QEMU compares the two numbers before it writes any register, and stops with `cpu:cpreg_vmstate_array_len`. Rewrite the file for the target with `psci-snap migrate`, or move the guest to a host whose kernel lists as many.',
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

  // whether a hibernated guest wakes
  ['run-hibernated', 'A guest that hibernated is run on as if it had only been stopped.', 'Its vCPUs are off and stay so. `run --wake FILE` boots it again.'],
  ['boot-not-read', 'What the file keeps of how its guest was booted cannot be read.', 'It is damaged or of a newer release; everything else is shown.'],
  [
    'wake-refused',
    'The target cannot give a hibernated guest the environment that it wakes in.',
    'The guest boots anew and resumes from its own disk, and relies on what it found at its first boot. The message names the component that the target refuses. Wake it on a host that offers it, or boot it clean: with a changed hardware signature in the FACS, or with `noresume` (docs/hibernate.md).',
  ],
  [
    'wake-changed',
    'A hibernated guest would wake in another environment.',
    'Nothing is refused, but a component of the environment differs whatever the VMM writes. Wake the guest elsewhere, or boot it clean (docs/hibernate.md).',
  ],
  [
    'wake-pins',
    'A hibernated guest wakes here only if its VMM writes registers before the first instruction.',
    'The message names them: by itself the target gives a new guest something else, most often a newer PSCI version.',
  ],
  ['wake-not-known', 'A part of the environment could not be compared.', 'One side does not say it; `psci-snap signature FILE BUILD` shows what.'],
  [
    'wake-board',
    'Memory map, tables, interrupt controller and devices are made by the VMM.',
    'Make them as they were; `psci-snap signature` of the file lists them.',
  ],
  [
    'wake-disk',
    'What a hibernated guest wrote of itself is on its disk.',
    'Keep the disk as it is: mounting it elsewhere or booting another guest from it destroys the image.',
  ],
  [
    'wake-clean',
    "A guest was booted clean, in the target's own environment.",
    'Linux is told `noresume`, so that it leaves what it had in memory; `--clean` asks for that.',
  ],
  [
    'wake-not-hibernated',
    'A guest was woken that did not say that it hibernates.',
    'It ended with SYSTEM_OFF or a reset: below PSCI 1.3 a guest that hibernates does so too. It boots in the same environment; if there is an image on its disk, it resumes.',
  ],
  [
    'wake-file-changed',
    'Kernel, initramfs or a disk is not what the guest was saved with.',
    'With `--clean` that is no matter. Accepted with `--accept-changed-files`, a guest that resumes may write old state over a newer disk.',
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

  [
    'other-conduit',
    'By the other way to call, SMC or HVC, the guest gets other answers than at boot.',
    'Its device tree does not name that way, so it does not use it. Nothing to do.',
  ],
  [
    'answered-by-host',
    'The kernel of this host answered itself.',
    'With `--to host` every register was written into a new VM of this machine, in the order of the VMM. The verdict is what the kernel said; why it said so is explained by the rules of the recorded kernel whose register list comes nearest, which may differ in details.',
  ],
  [
    'guest-not-run',
    'The guest in the file was not run on this host.',
    'On a real kernel only the built-in guest, byte for byte, runs without being asked for. `restore --backend kvm --run` lets a guest run that claims to be it, for bounded time and without a device that reaches the host.',
  ],
  [
    'not-executed',
    'The guest was not run on the target.',
    'The message says why: the file has no memory, or the built-in machine lacks an instruction or a device. Registers are compared all the same.',
  ],
  [
    'not-checked',
    'Something that matters for the move is not in the file, so nothing could say whether it fits.',
    'The message names it and where else it is decided (counter frequency, IPA size, GIC revision, capabilities of the VM).',
  ],

  // what is known about the source
  ['features-inferred', 'The file does not name the vCPU features; they follow from its register list.', 'Pass `--features` if they were others.'],
  ['features-ambiguous', 'Several sets of vCPU features fit the register list.', 'The verdict is the worst of them; pass `--features` to say which it was.'],
  ['features-not-saved', 'The format does not save vCPU features.', 'They are inferred; pass `--features` to say them.'],
  ['features-unknown', 'The features of a vCPU have bits that no known kernel has.', 'The file comes from a newer kernel, or is damaged.'],
  ['guest-has-run', 'The guest has run, where a fresh one was wanted.', 'Take a snapshot of a guest that was never started, for instance QEMU -S.'],
  ['never-run', 'The guest was saved before it ran.', 'Nothing to do: its registers are what its host gives a fresh vCPU.'],
  ['saved-by-tcg', 'QEMU emulated the CPU itself; no KVM was involved.', 'Such a file cannot be loaded under KVM.'],
  ['accelerator-unknown', 'Nothing in the file tells whether KVM or TCG ran the guest.', 'It is taken for one of KVM.'],
  ['vmm-version', 'Which release of the VMM wrote the file.', 'Nothing to do.'],
  ['layout-by-trial', 'One version number stands for several layouts, and one was found by trying.', 'Pass `--vmm-version` if it is the wrong one.'],
  ['sve-lengths-not-saved', 'The format does not save which vector lengths a vCPU has.', 'Start the destination with the same ones.'],
  [
    'format-lacks-bitmaps',
    'The format holds no firmware bitmaps.',
    'Which services the guest had is not known; the target offers its own. Write the bitmaps to limit them.',
  ],
  ['format-lacks-events', 'The format holds no vCPU events.', 'A pending SError is lost.'],
  ['format-lacks-fpsr', 'The format holds no FPSR and FPCR of a vCPU with SVE.', 'Rounding mode and exception flags of what ran are lost.'],
  ['partial-registers', 'Registers of which the file gives only some bits are left out.', 'Nothing to do.'],
  ['cpu-template', 'The file is a CPU template, not a saved guest.', 'It says what a VMM changes before the boot.'],
  ['register-modifier', 'A CPU template changes this register.', 'Nothing to do.'],
  ['feature-modifier', 'A CPU template changes vCPU features.', 'Nothing to do.'],

  // how the file is read and written
  [
    'description-differs',
    "The stream's own description does not fit what stands in it.",
    'What is understood is shown; compare with another snapshot of the same guest.',
  ],
  ['section-not-decoded', 'A section has content that this release does not know.', 'It is kept byte for byte.'],
  ['unknown-content', 'A part of the file is not understood by this release.', 'It is kept byte for byte.'],
  ['unknown-key', 'A key that the format does not have is ignored.', 'Check its spelling.'],
  ['devices-not-read', 'Device state is kept and not read.', 'Nothing to do.'],
  ['gic-layout-unknown', "The interrupt controller's registers are not the ones the VMM saves.", 'They are kept; do not rely on them.'],
  ['gic-vcpu-count', 'The interrupt controller is for another number of vCPUs.', 'The VMM refuses to restore it; save the guest again.'],
  ['gic-state-incomplete', "The interrupt controller's state is incomplete.", 'Save the guest again with a VMM that saves all of it.'],
  ['gic-state-missing', "The interrupt controller's state is not in the file.", 'Interrupts of the guest are lost; save it again.'],
  ['vcpu-count-differs', 'Two parts of the file disagree on the number of vCPUs.', 'Save the guest again.'],
  ['mp-state-missing', 'The power state of a vCPU is not in the file.', 'It is taken to be running; set it after the restore.'],
  ['mp-state-unknown', 'A vCPU has a power state that KVM/arm64 does not have.', 'The message says as what it is shown.'],
  ['mpidr-differs', 'The file says the MPIDR of a vCPU twice, and differently.', 'The register counts; the other stands for the interrupt controller.'],
  ['run-state-unreadable', 'The saved run state is no text.', 'Whether the guest ran is not known.'],
  ['several-snapshots', 'The image holds several saved guests; the last one is read.', 'Take the one you mean out with qemu-img.'],
  ['memory-address-assumed', 'Where the memory lies in the guest was assumed.', 'The message names the address, that of the virt board.'],
  ['memory-elsewhere', 'Guest memory is in a file of its own.', 'Pass `--memory-file FILE` to read it.'],
  ['memory-file-too-long', 'The memory file is longer than the snapshot accounts for.', 'It may belong to another snapshot.'],
  [
    'diff-by-content',
    'A differential memory file was laid over its base page by page.',
    'A page that became zero cannot be told from one that was left alone; merge them with the VMM tool first.',
  ],
  ['manifest-differs', 'The manifest of the archive does not say what its members hold.', 'The archive was changed by hand or is damaged; `verify` says more.'],
  ['more-damage', 'There is more damage than is listed.', 'Get another copy of the file.'],
  ['part-of-folder', 'What was written is one file of a snapshot folder.', 'Put it into a copy of the folder.'],
  ['unwrapped', 'The input was packed and the output is not.', 'Nothing to do; pack it again if the VMM wants it so.'],
  ['not-exported', 'The output format has no place for something.', 'Keep the input.'],
  ['kernel-map-cut', "Not all of the guest's kernel addresses are in the core.", 'Physical addresses all are.'],
  ['vmcoreinfo-missing', 'No vmcoreinfo of a Linux kernel is in guest memory.', 'gdb reads the core; crash does not.'],

  // edits, comparisons
  ['vm-wide', 'A register that a VM has once was set on all vCPUs.', 'Nothing to do.'],
  ['register-absent', 'A register to be edited is not on this vCPU.', 'Nothing was changed there.'],
  ['nothing-changed', 'The registers had these values already.', 'The output equals the input.'],
  ['not-compared', 'Only one of two files says something, so it was not compared.', 'Nothing to do.'],
  ['register-order', 'Registers that both files have stand in another order.', 'A VMM that restores in list order writes them in another order too.'],

  ['facs-zero', 'The hardware signature of the FACS is 0.', 'Set another value: Linux takes 0 for none when it hibernates.'],
  [
    'facs-reduced',
    'The FACS belongs to tables that say hardware-reduced.',
    'Kernels before Linux 6.10 do not look for it; put `noresume` on their command line.',
  ],

  // policies and baselines
  ['policy-expired', 'What the policy accepted it accepts no longer.', 'Give it a later day if it still holds, or mend the file.'],
  [
    'policy-cannot-accept',
    'The policy accepts what stops the load.',
    'A VM that does not start is nothing to accept: mend the file, or choose another target.',
  ],
  ['refusal-accepted', 'The policy accepts a refusal, and the VMM still fails.', 'Take the register out: `psci-snap edit --drop`, or `psci-snap migrate`.'],
  ['baseline-psci', 'The guest has another PSCI version than the baseline.', 'Boot it with that of the baseline.'],
  ['baseline-register', 'The guest was born with another value than the baseline.', 'Boot it with the values of the baseline.'],
  [
    'baseline-register-missing',
    'A register that every host of the baseline lists is not in the file.',
    'Save the guest again with a VMM that saves every listed register.',
  ],
  ['baseline-features', 'The guest has other vCPU features than the baseline.', 'Compare it with a baseline for its own features.'],
  [
    'cannot-move-freely',
    'Something keeps guests from moving freely among these hosts, whatever they are born with.',
    'The hint says which hosts to keep apart or to change.',
  ],
  ['cannot-be-common', 'For these registers no value is taken by every host.', 'Guests move among the hosts that agree on them.'],

  // check: whose load was judged
  ['vmm-assumed', 'Nobody said which VMM will load the file, so one was assumed.', 'Pass `--vmm` to say it.'],
  ['vmm-as-if', 'The load was judged by the rules of a VMM whose format this file is not.', 'Convert the file, or pass the `--vmm` of its own format.'],
  ['other-vmm-differs', 'Another VMM comes to another end with this file.', 'The message says which and why; `--vmm` judges by its rules.'],
  [
    'power-off-saved',
    'A vCPU that ran is saved with KVM_ARM_VCPU_POWER_OFF.',
    'It is judged without it; a VMM that does not write mp_state after KVM_ARM_VCPU_INIT leaves it off.',
  ],
  [
    'not-migratable',
    'No change of registers makes the file load on the target.',
    'The message says what is in the way: another target, another VMM, or another set of vCPU features at the next boot.',
  ],
  ['run-limit', 'A guest was still running when its limit came.', 'Give `run` more with `--timeout` or `--max-insns`, or a point with `--until`.'],
  [
    'run-idle',
    'Every vCPU of a guest waits for something that never happens.',
    'No timer and no device will wake it, and no input will come. A guest that asks for input needs some: a terminal, or a pipe.',
  ],
]
