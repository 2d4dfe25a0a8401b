// Owns the words of `builds derive`.
import { parseFeatures } from '../../arch/features.ts'
import { Flags } from '../../cli/flags.ts'
import { type Outcome, SnapCommand } from '../../cli/snap-command.ts'
import { type BuildsDeriveReport, buildsDerive } from '../../ops/builds.ts'
import { renderBuildsDerive } from '../../render/builds.ts'

export default class BuildsDerive extends SnapCommand<BuildsDeriveReport> {
  static override summary = 'Make a build of your own host from a known kernel and a snapshot of a guest that never ran.'
  static override examples = ['<%= config.bin %> builds derive --kernel linux-6.1 --from fresh.json -o my-host.json']
  static override flags = {
    kernel: Flags.string({ required: true, summary: 'a build of the kernel that the host runs: its rules are taken' }),
    from: Flags.string({ required: true, multiple: true, summary: 'snapshot of never-run vCPUs; may be repeated, one for each feature set' }),
    output: Flags.string({ char: 'o', required: true, summary: 'build file to write' }),
    features: Flags.string({ summary: 'vCPU features of the snapshots, where they do not say' }),
    name: Flags.string({ summary: 'name of the build' }),
    cpu: Flags.string({ summary: 'name of its CPU' }),
    force: Flags.boolean({ summary: 'replace an existing file' }),
  }

  async run(): Promise<Outcome<BuildsDeriveReport>> {
    const { flags } = await this.parse(BuildsDerive)
    this.claimStdout('--output', flags.output)
    const { kernel, from, name, cpu, features, force } = flags
    const report = await buildsDerive(flags.output, {
      ...this.work,
      kernel,
      from,
      overwrite: force,
      ...(name === undefined ? {} : { name }),
      ...(cpu === undefined ? {} : { cpu }),
      ...(features === undefined ? {} : { features: parseFeatures(features) }),
    })
    return { report, text: page => renderBuildsDerive(report, page) }
  }
}
