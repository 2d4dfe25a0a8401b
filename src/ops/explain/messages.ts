// table of what VMMs print when a restore or a migration fails: what each message means, its likely cause, what to do, and where it comes from.
// A pattern may capture `register` (as that VMM names it), `value` (hex), and `errno` (its strerror text or number): those are explained too.

export interface MessageRow {
  readonly vmm: string
  /** As people find it in a log. */
  readonly message: string
  readonly pattern: RegExp
  readonly rule: string
  /** Likely causes, the likeliest first. */
  readonly causes: readonly string[]
  readonly advice: readonly string[]
  /** The register that the message is about without naming it. */
  readonly about?: string
  readonly source: string
}

const AUGER = 'https://patchew.org/QEMU/20260126165445.3033335-1-eric.auger@redhat.com'
const NAME_IT =
  '`psci-snap check FILE --to BUILD --vmm qemu-10.0` names the registers, and `psci-snap migrate FILE --to BUILD -o OUT` writes a stream that loads'

export const MESSAGES: readonly MessageRow[] = [
  {
    vmm: 'QEMU up to 10.x',
    message: 'Failed to load cpu:cpreg_vmstate_array_len',
    pattern: /load cpu:cpreg_vmstate_array_len/i,
    rule: "the stream holds more registers than the destination's KVM lists, and this QEMU counts before it looks at any name: it cannot say which ones are too many",
    causes: [
      'the destination runs an older kernel: KVM_REG_ARM_VENDOR_HYP_BMAP_2 is listed by kernels from 6.15 on, with value 0 and unasked',
      'the source runs 6.5 to 6.12, which list TCR2_EL1, PIRE0_EL1 and PIR_EL1 on CPUs without the feature; from 6.13 on they are hidden there',
      'the guest has vCPU features (PMU, SVE, pointer authentication) that the destination does not give it',
    ],
    advice: [
      NAME_IT,
      'QEMU 11 and later load such a stream when only these registers are in the way',
      'start the guest with the features that both hosts have: pmu=off, sve=off, pauth=off',
    ],
    source: `QEMU target/arm/machine.c; ${AUGER}`,
  },
  {
    vmm: 'QEMU up to 10.x',
    message: 'Invalid value 269 expecting positive value <= 252',
    pattern: /Invalid value \d+ expecting positive value <= \d+/i,
    rule: 'the first number is how many registers the stream holds, the second how many the destination lists; it comes before "Failed to load cpu:cpreg_vmstate_array_len"',
    causes: ['the destination runs an older kernel, or one that hides registers which the source lists'],
    advice: [NAME_IT],
    source: `QEMU migration/vmstate-types.c; ${AUGER}`,
  },
  {
    vmm: 'QEMU 11 and later',
    message: 'Could not set register fw reg 0 to 10003 (is 10001)',
    pattern:
      /Could not set register (?<register>fw reg \d+|fw feat reg \d+|op0:\d+ op1:\d+ crn:\d+ crm:\d+ op2:\d+|demux[^,]*?|0x[0-9a-f]+) to (?:0x)?(?<value>[0-9a-f]+)/i,
    rule: 'KVM refused this value of this register; the value in brackets is what the destination has',
    causes: [],
    advice: [],
    source: 'QEMU target/arm/kvm.c',
  },
  {
    vmm: 'QEMU 11 and later',
    message: 'handle_cpreg_only_in_incoming_stream: fw feat reg 3 … fail migration',
    pattern: /handle_cpreg_only_in_incoming_stream:? *(?<register>fw reg \d+|fw feat reg \d+|op0:\d+ op1:\d+ crn:\d+ crm:\d+ op2:\d+|0x[0-9a-f]+)?/i,
    rule: "the stream holds a register that the destination's KVM does not list; tolerated are only TCR2_EL1, PIRE0_EL1, PIR_EL1, and VENDOR_HYP_BMAP_2 when it is 0",
    causes: ['the destination runs an older kernel, or has a CPU without the feature'],
    advice: [
      NAME_IT,
      'QEMU 11.1 goes on all the same when the last unknown register is a tolerated one: what it printed before is then lost without a failure',
    ],
    source: 'QEMU target/arm/cpu64.c, machine.c; seen on 11.1.3',
  },
  {
    vmm: 'QEMU',
    message: 'Failed to put registers after init: Invalid argument',
    pattern:
      /put(?:ting)? registers after (?:init|reset)(?::.*?(?<errno>Invalid argument|No such file or directory|Device or resource busy|Operation not permitted))?/i,
    rule: 'KVM refused a register of the stream, or one that QEMU itself writes at start; up to 10.x nothing says which',
    causes: [
      'KVM_REG_ARM_PSCI_VERSION is newer than the destination kernel knows (1.3 to a kernel up to 6.12, 1.1 to one up to 5.17)',
      'an ID register differs in a field that the destination kernel does not let userspace change, or promises more than its CPU has',
      'WORKAROUND_1 to 3: the source is better protected than the destination',
      'without any migration: the thread moved between cores of two kinds (big.LITTLE), whose ID and cache registers differ',
    ],
    advice: [
      NAME_IT,
      'QEMU 11 and later: -cpu host,kvm-psci-version=X.Y for guests that boot from now on',
      'on big.LITTLE pin QEMU to cores of one kind (taskset)',
    ],
    source: 'QEMU accel/kvm/kvm-all.c; https://gitlab.com/qemu-project/qemu/-/issues/1595',
  },
  {
    vmm: 'QEMU',
    message: "error while loading state for instance 0x0 of device 'cpu'",
    pattern: /error while loading state for instance 0x[0-9a-f]+ of device 'cpu'/i,
    rule: 'the cpu section of the stream was read and not taken: registers that the destination does not list, or a value that its KVM refuses',
    causes: ['kernels, CPUs or vCPU features of the two hosts differ'],
    advice: ['look at the lines before it: QEMU 11 names the register there', NAME_IT],
    source: 'QEMU migration/savevm.c, target/arm/machine.c',
  },
  {
    vmm: 'QEMU',
    message: 'Unknown ramblock "pvtime", cannot accept migration',
    pattern: /Unknown ramblock "?pvtime"?/i,
    rule: 'the stream was written under KVM with stolen time; the destination has no such memory block',
    causes: ['the destination runs under TCG, not KVM', 'the destination guest was started without stolen time (kvm-steal-time=off)'],
    advice: ['start the destination with -accel kvm', 'start both ends with the same kvm-steal-time'],
    source: 'QEMU hw/arm/virt.c, migration/ram.c; seen on 10.0 and 11.1',
  },
  {
    vmm: 'QEMU 11 and later',
    message: 'KVM in this kernel does not support PSCI version 1.3',
    pattern: /KVM in this kernel does not support PSCI version (?<psci>[\d.]+)/i,
    rule: 'kvm-psci-version names a version that this kernel does not take: QEMU does not start',
    causes: ['the kernel is older than the version'],
    advice: ['`psci-snap builds list` shows which versions each kernel accepts'],
    source: 'QEMU target/arm/kvm.c',
  },
  {
    vmm: 'QEMU up to 10.x',
    message: "Property 'host-arm-cpu.kvm-psci-version' not found",
    pattern: /kvm-psci-version' not found/i,
    rule: 'this QEMU has no property kvm-psci-version (11 and later have it, on CPU models that run under KVM)',
    causes: ['QEMU 10 or older, or -accel tcg'],
    advice: ['use QEMU 11; or let the guest boot on an older kernel and migrate it: the version travels with the guest'],
    source: 'QEMU qom/object.c; seen on 7.2',
  },
  {
    vmm: 'QEMU',
    message: 'Missing section footer for arm_gicv3',
    pattern: /Missing section footer for arm_gicv3/i,
    rule: 'the GIC section has one part a vCPU and does not say how many: the two ends have different numbers of vCPUs',
    causes: ['-smp differs'],
    advice: ['start the destination with the -smp of the source; `psci-snap inspect FILE` shows it'],
    source: 'QEMU hw/intc/arm_gicv3_common.c; seen on 10.0 and 11.1',
  },
  {
    vmm: 'QEMU',
    message: "Unknown section or instance 'arm_gic' 0",
    pattern: /Unknown section or instance '(?:arm_gic|arm_gicv3)'/i,
    rule: 'the two ends have different GIC revisions',
    causes: ['gic-version differs, or is "max" or "host" and the hosts differ'],
    advice: ['name the same gic-version on both ends'],
    source: 'QEMU migration/savevm.c; seen on 10.0 and 11.1',
  },
  {
    vmm: 'QEMU 9 and later',
    message: 'Unknown combination of migration flags: 0x120',
    pattern: /Unknown combination of migration flags: 0x120/i,
    rule: 'the stream was written with the old capability "compress", which was taken out of QEMU',
    causes: ['the source is QEMU 8 or older with compress=on'],
    advice: ['migrate again without it'],
    source: 'QEMU migration/ram.c; a 7.2 stream on 10.0',
  },
  {
    vmm: 'Firecracker',
    message: 'Failed to set register 0x6030000000140000 to value …: Invalid argument (os error 22)',
    pattern:
      /Failed to set (?:\w+ )?register:? (?<register>0x[0-9a-f]+|\d{10,20})(?: to value:? (?<value>[^:]+?))?:? *(?<errno>[A-Z][a-z ]+\(os error \d+\)|[A-Z][a-z][a-z ]+$|\bE[A-Z]+\b|(?:os error )?\d+)?$/,
    rule: 'Firecracker writes the registers of its snapshot in list order and stops at the first that KVM refuses; this is that one, others may follow',
    causes: [],
    advice: [
      '`psci-snap check FILE --to BUILD --vmm firecracker` shows all of them',
      '`psci-snap migrate FILE --to BUILD -o OUT`; for what may be left out Firecracker has `snapshot-editor edit-vmstate remove-regs`',
    ],
    source: 'Firecracker src/vmm/src/arch/aarch64/vcpu.rs; https://github.com/firecracker-microvm/firecracker/pull/4632',
  },
  {
    vmm: 'Firecracker and others',
    message: "Failed to restore the VM's GIC state: … Bad address (os error 14)",
    pattern: /GIC.*(?:Bad address|os error 14)/i,
    rule: 'the tables of the ITS lie in guest memory; KVM reads them when the GIC is restored, and there is no memory where they should be',
    causes: ['memory was restored after the GIC', 'the memory comes from a differential snapshot that lacks the pages with the tables'],
    advice: ['restore the complete memory first; `psci-snap verify FILE` finds tables outside of memory'],
    source: 'https://github.com/e2b-dev/infra/issues/2057',
  },
  {
    vmm: 'Cloud Hypervisor before v53',
    message: 'GetAarchCoreRegister(Invalid argument (os error 22))',
    pattern: /(?:GetAarchCoreRegister|Failed to get aarch64 core register)(?:.*?(?<errno>Invalid argument))?/,
    rule: 'a core register cannot be read: on a vCPU with SVE the vector registers are no core registers, and this release saves no SVE',
    causes: ['the host CPU has SVE (Neoverse V1, V2, Graviton 3 and 4, Grace), which Cloud Hypervisor gives its guests'],
    advice: ['use v53 or later'],
    about: 'V0',
    source: 'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/8057, fixed by https://github.com/cloud-hypervisor/cloud-hypervisor/pull/8268',
  },
  {
    vmm: 'Cloud Hypervisor',
    message: 'SetSysRegister(Invalid argument (os error 22))',
    pattern:
      /(?:SetSysRegister|SetAarchCoreRegister|Failed to set (?:system|aarch64 core) register)(?:.*?(?<errno>Invalid argument|No such file or directory|Device or resource busy|Operation not permitted))?/,
    rule: 'KVM refused a register of the snapshot; Cloud Hypervisor writes them in list order, stops at the first, and does not say which it was',
    causes: [
      'Invalid argument: PSCI version, mitigation level or an ID register that this host does not take',
      'No such file or directory: a register that this kernel does not have',
    ],
    advice: ['`psci-snap check FOLDER --to BUILD --vmm cloud-hypervisor` names it', '`psci-snap migrate FOLDER --to BUILD -o OUT`'],
    source: 'Cloud Hypervisor hypervisor/src/cpu.rs; https://github.com/cloud-hypervisor/cloud-hypervisor/issues/6966',
  },
]
