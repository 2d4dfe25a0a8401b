// Owns the words of `restore`.
import { parseFeatures } from '../arch/features.ts'
import { Args, Flags } from '../cli/flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import type { RestoreReport } from '../ops/reports.ts'
import { restore } from '../ops/restore.ts'
import { renderRestore } from '../render/restore.ts'

export default class Restore extends SnapCommand<RestoreReport> {
  static override summary = 'Replay a snapshot blindly into a build, let the guest run on, say what survives.'
  static override examples = [
    '<%= config.bin %> restore guest.psnap --build linux-7.3',
    '<%= config.bin %> restore guest.psnap --build linux-7.3 --omit PSCI_VERSION',
  ]
  static override args = { file: Args.string({ required: true, description: 'archive or register list; - for standard input' }) }
  static override flags = {
    build: Flags.string({ required: true, summary: 'host to restore on: a built-in build or a build file' }),
    features: Flags.string({ summary: 'vCPU features to use instead of those of the file; empty for none' }),
    'pin-psci': Flags.string({ summary: 'set this PSCI version after the replay, before the guest runs' }),
    omit: Flags.string({ multiple: true, summary: 'do not write this register: a name, an id or a glob; may be repeated' }),
    'raw-order': Flags.boolean({ summary: 'write in pure list order, SVE vector lengths too' }),
    run: Flags.boolean({ default: true, allowNo: true, summary: 'let the guest run on and say what it sees' }),
    force: Flags.boolean({ summary: 'run the guest even after a refusal; replace an existing output file' }),
    output: Flags.string({ char: 'o', summary: 'write the resulting state to this file, .psnap or .json' }),
    details: Flags.boolean({ summary: 'list every refused and every different register' }),
  }

  async run(): Promise<Outcome<RestoreReport>> {
    const { args, flags } = await this.parse(Restore)
    this.claimStdout('--output', flags.output)
    const report = await restore(args.file, {
      ...this.work,
      build: flags.build,
      omit: flags.omit ?? [],
      rawOrder: flags['raw-order'],
      run: flags.run,
      force: flags.force,
      overwrite: flags.force,
      ...(flags.features === undefined ? {} : { features: parseFeatures(flags.features) }),
      ...(flags['pin-psci'] === undefined ? {} : { pinPsci: flags['pin-psci'] }),
      ...(flags.output === undefined ? {} : { output: flags.output }),
    })
    return { report, text: page => renderRestore(report, page, flags.details), status: report.verdict === 'survives' ? 0 : 3 }
  }
}
