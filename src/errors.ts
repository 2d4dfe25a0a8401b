// Owns every failure that stops the work: its stable code, its exit status and what to do about it.
// Knows no format, no register and no command. What the user should judge is a Finding, never a throw.

/**
 * One row per code. `exit` is the process exit status (DESIGN.md §6): 2 usage, 10 cannot read or write, 11 unknown format,
 * 12 corrupt, 13 too new, 14 build unknown or unusable, 15 back end absent, 16 the kernel failed outside a replay, 130 interrupted.
 */
export const ERROR_CODES = {
  USAGE: { exit: 2, hint: 'run the command with --help to see what it takes' },
  REG_ID_INVALID: { exit: 2, hint: 'a register is a name, a glob over names, or a 64-bit id such as 0x6030000000140000' },
  QUESTION_UNKNOWN: {
    exit: 2,
    hint: 'explain takes a PSCI version or step (PSCI 1.1..1.3), a register, REG=VALUE, an errno (with a register), a call, a code, a step between builds, or a line of a VMM log',
  },
  REG_VALUE_INVALID: { exit: 2, hint: 'a value is 0x… up to the size of the register, or b followed by its bytes in hex, memory order' },
  FEATURE_UNKNOWN: {
    exit: 2,
    hint: 'vCPU features: power_off el1_32bit psci_0_2 pmu_v3 sve ptrauth_address ptrauth_generic has_el2 has_el2_e2h0 pmu_v3_strict',
  },
  FILE_CHANGED: { exit: 2, hint: 'name the file that the guest was saved with; `psci-snap inspect FILE --json` has its size and digest' },
  OUTPUT_EXISTS: { exit: 10, hint: 'choose another file, or pass --force to replace it' },
  CANNOT_READ: { exit: 10, hint: 'check that the file exists and that you may read it' },
  CANNOT_WRITE: { exit: 10, hint: 'check that the directory exists, that you may write to it, and that there is room' },
  FORMAT_UNKNOWN: {
    exit: 11,
    hint: 'psci-snap reads .psnap, kvm-reglist JSON, and saved arm64 guests of QEMU (also in libvirt and qcow2 files), Firecracker, Cloud Hypervisor, crosvm and StratoVirt',
  },
  FORMAT_FOREIGN: { exit: 11, hint: 'psci-snap reads saved state of arm64 guests that ran on KVM' },
  FORMAT_AMBIGUOUS: { exit: 11, hint: 'say which VMM release wrote the file with --vmm-version X.Y' },
  POLICY_INVALID: { exit: 2, hint: 'docs/policy.md shows what a policy file holds' },
  BASELINE_INVALID: { exit: 2, hint: 'docs/baseline.md shows what a baseline file holds; `psci-snap builds baseline` makes one' },
  FORMAT_UNWRITABLE: { exit: 11, hint: 'name the output FILE.psnap or FILE.json, or pass --to' },
  REGISTER_ABSENT: { exit: 2, hint: 'run `psci-snap inspect FILE --registers` to see which registers there are' },
  FACS_ABSENT: { exit: 2, hint: '`psci-snap inspect FILE --acpi` shows the ACPI tables that there are' },
  ARCHIVE_CORRUPT: { exit: 12, hint: 'run `psci-snap verify FILE` to see every member that fails' },
  INPUT_CORRUPT: { exit: 12, hint: 'the file does not hold what its format promises; get another copy of it' },
  LIMIT_EXCEEDED: { exit: 12, hint: 'the file declares more than psci-snap is willing to read; it is damaged or hostile' },
  FORMAT_TOO_NEW: { exit: 13, hint: 'this file was written by a newer psci-snap; update psci-snap to read it' },
  SCHEMA_TOO_NEW: { exit: 13, hint: 'this file was written by a newer psci-snap; update psci-snap to read it' },
  BUILD_UNKNOWN: { exit: 14, hint: 'run `psci-snap builds list` to see the built-in ones, or name a build file' },
  BUILD_INVALID: { exit: 14, hint: 'make the build file again with `npm run builds -- --from RECORDING -o FILE` or `psci-snap builds derive`' },
  BUILD_UNUSABLE: { exit: 14, hint: 'choose another build, or another set of vCPU features' },
  CANNOT_EXECUTE: { exit: 14, hint: 'this machine does not run that; `restore --no-run` replays and compares registers without running the guest' },
  BACKEND_ABSENT: { exit: 15, hint: 'the built-in machine needs none of this: --backend emulator, or a build in place of `host`' },
  KERNEL_REFUSED: { exit: 16, hint: 'outside a replay a KVM call failed; its errno says why' },
  INTERRUPTED: { exit: 130, hint: 'nothing was written' },
} as const satisfies Record<string, { readonly exit: number; readonly hint: string }>

export type ErrorCode = keyof typeof ERROR_CODES

/** Where something is wrong, as data: whatever of it is known. `offset` counts bytes from the start of `file` or of `member`. */
export interface Where {
  readonly file?: string
  readonly member?: string
  readonly offset?: number
  readonly path?: string
  readonly vcpu?: number
  readonly register?: string
}

/** A failure that stops the work. `message` says what is wrong and where; `hint` says what to do. */
export class SnapError extends Error {
  override readonly name = 'SnapError'
  readonly code: ErrorCode
  readonly at: Where
  readonly exitCode: number
  readonly hint: string

  constructor(code: ErrorCode, message: string, at: Where = {}, options: { readonly cause?: unknown; readonly hint?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.at = at
    this.exitCode = ERROR_CODES[code].exit
    this.hint = options.hint ?? ERROR_CODES[code].hint
  }
}
