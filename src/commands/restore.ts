// Owns the words of `restore`.
import { parseFeatures } from '../arch/features.ts'
import { BACKEND_FLAG } from '../cli/backend-flag.ts'
import { Args, Flags } from '../cli/flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import type { RestoreReport } from '../ops/reports.ts'
import { restore } from '../ops/restore.ts'
import { renderRestore } from '../render/restore.ts'

export default class Restore extends SnapCommand<RestoreReport> {
  static override summary = 'Replay a snapshot blindly into a build, or into a new VM of this host, let the guest run on, say what survives.'
  static override examples = [
    '<%= config.bin %> restore guest.psnap --build linux-7.3',
    '<%= config.bin %> restore guest.psnap --build linux-7.3 --omit PSCI_VERSION',
    '<%= config.bin %> restore guest.mig --backend kvm --dry-run',
  ]
  static override description = [
    'The VM is thrown away at the end; --output keeps its state in a file. On --backend kvm no code runs but our own: the built-in guest when the memory in',
    'the file holds it byte for byte, else a few instructions in a second VM that ask for the PSCI version. --run lets a guest run that claims to be the',
    'built-in one, for bounded time.',
  ].join(' ')
  static override args = { file: Args.string({ required: true, description: 'archive or register list; - for standard input' }) }
  static override flags = {
    backend: BACKEND_FLAG,
    build: Flags.string({ summary: 'host to restore on: a built-in build or a build file; none with --backend kvm' }),
    'dry-run': Flags.boolean({ summary: 'write nothing, and ask for the PSCI version even after a refusal' }),
    features: Flags.string({ summary: 'vCPU features to use instead of those of the file; empty for none' }),
    'pin-psci': Flags.string({ summary: 'set this PSCI version after the replay, before the guest runs' }),
    omit: Flags.string({ multiple: true, summary: 'do not write this register: a name, an id or a glob; may be repeated' }),
    'raw-order': Flags.boolean({ summary: 'write in pure list order, SVE vector lengths too' }),
    run: Flags.boolean({ allowNo: true, summary: 'let the guest run on and say what it sees; by default on the emulator' }),
    force: Flags.boolean({ summary: 'run the guest even after a refusal; replace an existing output file' }),
    output: Flags.string({ char: 'o', summary: 'write the resulting state to this file, .psnap or .json' }),
    details: Flags.boolean({ summary: 'list every refused and every different register' }),
  }

  async run(): Promise<Outcome<RestoreReport>> {
    const { args, flags } = await this.parse(Restore)
    this.claimStdout('--output', flags.output)
    const report = await restore(args.file, {
      ...this.work,
      backend: flags.backend,
      dryRun: flags['dry-run'],
      omit: flags.omit ?? [],
      rawOrder: flags['raw-order'],
      force: flags.force,
      overwrite: flags.force,
      ...(flags.build === undefined ? {} : { build: flags.build }),
      ...(flags.run === undefined ? {} : { run: flags.run }),
      ...(flags.features === undefined ? {} : { features: parseFeatures(flags.features) }),
      ...(flags['pin-psci'] === undefined ? {} : { pinPsci: flags['pin-psci'] }),
      ...(flags.output === undefined ? {} : { output: flags.output }),
    })
    return { report, text: page => renderRestore(report, page, flags.details), status: report.verdict === 'survives' ? 0 : 3 }
  }
}
