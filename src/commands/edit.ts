// Owns the words of `edit`.
import { Args, Flags } from '../cli/flags.ts'
import { INPUT_FLAGS, inputOptions } from '../cli/input-flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { edit, parseSet } from '../ops/edit.ts'
import type { EditReport } from '../ops/reports.ts'
import { renderEdit } from '../render/edit.ts'

export default class Edit extends SnapCommand<EditReport> {
  static override summary = "Write a snapshot with other registers, in the file's own format."
  static override examples = [
    '<%= config.bin %> edit guest.mig -o pinned.mig --set PSCI_VERSION=1.1',
    "<%= config.bin %> edit guest.vmstate -o older.vmstate --drop 'KVM_REG_ARM_VENDOR_HYP_BMAP*'",
    '<%= config.bin %> edit guest.psnap -o clean.psnap --set facs.hardware_signature=auto',
  ]
  static override args = {
    file: Args.string({
      required: true,
      description: 'psnap, kvm-reglist, QEMU stream, Firecracker state file, Cloud Hypervisor folder; - for standard input',
    }),
  }
  static override flags = {
    output: Flags.string({ char: 'o', required: true, summary: 'file to write; - for standard output' }),
    set: Flags.string({
      multiple: true,
      helpValue: 'REG=VALUE',
      summary: 'new value: 0x…, or b and bytes in hex; of PSCI_VERSION also 1.1; of facs.hardware_signature 0x… or auto; may be repeated',
    }),
    drop: Flags.string({ multiple: true, helpValue: 'REG', summary: 'take this register out of the list: a name, an id or a glob; may be repeated' }),
    vcpu: Flags.integer({ min: 0, summary: 'only this vCPU' }),
    ...INPUT_FLAGS,
    'memory-output': Flags.string({ summary: 'where to write the file with the guest memory, for formats that keep it apart, when the FACS is set' }),
    force: Flags.boolean({ summary: 'replace an existing file' }),
    secrets: Flags.boolean({ summary: 'show pointer-authentication keys' }),
  }

  async run(): Promise<Outcome<EditReport>> {
    const { args, flags } = await this.parse(Edit)
    this.claimStdout('--output', flags.output)
    const report = await edit(args.file, flags.output, {
      ...this.work,
      steps: [...(flags.set ?? []).map(parseSet), ...(flags.drop ?? []).map(register => ({ kind: 'drop' as const, register }))],
      overwrite: flags.force,
      secrets: flags.secrets,
      ...(flags.vcpu === undefined ? {} : { vcpu: flags.vcpu }),
      ...(flags['memory-output'] === undefined ? {} : { memoryOutput: flags['memory-output'] }),
      ...inputOptions(flags),
    })
    return { report, text: page => renderEdit(report, page) }
  }
}
