// Owns the words of `migrate`.
import { parseFeatures } from '../arch/features.ts'
import { Args, Flags } from '../cli/flags.ts'
import { INPUT_FLAGS, inputOptions } from '../cli/input-flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { parseVmm, VMM_IDS } from '../ops/load/vmm.ts'
import { changeCodesText, parseAllow } from '../ops/migrate/change-codes.ts'
import { migrate } from '../ops/migrate/migrate.ts'
import type { MigrateReport } from '../ops/migrate/migrate-report.ts'
import { renderMigrate } from '../render/migrate.ts'

export default class Migrate extends SnapCommand<MigrateReport> {
  static override summary = "Write a snapshot so that another host loads it, in the file's own format."
  static override description =
    `Every change is reported with its reason. What takes something from a running guest, or tells it something else, is done only with --allow CODE; without it nothing is written and the exit status is 3. With a code the guest may meet this:\n${changeCodesText()}`
  static override examples = [
    '<%= config.bin %> migrate guest.psnap --to linux-6.1 -o older.psnap --pin-psci 1.1',
    '<%= config.bin %> migrate guest.mig --to linux-6.12 --vmm qemu-10.0 -o older.mig --allow psci-version-changed',
  ]
  static override args = { file: Args.string({ required: true, description: 'file or folder in a format that can be edited; - for standard input' }) }
  static override flags = {
    to: Flags.string({ required: true, helpValue: 'BUILD', summary: 'host that is to load it: a built-in build or a build file' }),
    output: Flags.string({ char: 'o', summary: 'file to write; - for standard output; may be absent with --dry-run' }),
    vmm: Flags.string({ summary: `whose load rules count: ${VMM_IDS.join(', ')}; by default those of the VMM that wrote the file` }),
    'pin-psci': Flags.string({ helpValue: 'X.Y', summary: 'the PSCI version that the guest gets, whatever the file holds' }),
    allow: Flags.string({
      multiple: true,
      helpValue: 'CODE',
      summary: 'make changes of this kind though the guest could notice; several with commas; may be repeated',
    }),
    features: Flags.string({ summary: 'vCPU features to use instead of those of the file; empty for none' }),
    'vmm-version': INPUT_FLAGS['vmm-version'],
    force: Flags.boolean({ summary: 'replace an existing file' }),
    'dry-run': Flags.boolean({ summary: 'say what would be done, and write nothing' }),
    secrets: Flags.boolean({ summary: 'show pointer-authentication keys' }),
  }

  async run(): Promise<Outcome<MigrateReport>> {
    const { args, flags } = await this.parse(Migrate)
    if (!flags['dry-run']) this.claimStdout('--output', flags.output)
    const report = await migrate(args.file, flags.output, {
      ...this.work,
      to: flags.to,
      allow: parseAllow(flags.allow ?? []),
      overwrite: flags.force,
      dryRun: flags['dry-run'],
      secrets: flags.secrets,
      ...(flags.vmm === undefined ? {} : { vmm: parseVmm(flags.vmm) }),
      ...(flags['pin-psci'] === undefined ? {} : { pinPsci: flags['pin-psci'] }),
      ...(flags.features === undefined ? {} : { features: parseFeatures(flags.features) }),
      ...inputOptions({ 'vmm-version': flags['vmm-version'] }),
    })
    return { report, text: page => renderMigrate(report, page), status: report.migratable ? 0 : 3 }
  }
}
