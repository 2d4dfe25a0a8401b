// Owns the words of `builds diff`.
import { parseFeatures } from '../../arch/features.ts'
import { Args, Flags } from '../../cli/flags.ts'
import { type Outcome, SnapCommand } from '../../cli/snap-command.ts'
import { type BuildsDiffReport, buildsDiff } from '../../ops/builds.ts'
import { renderBuildsDiff } from '../../render/builds.ts'

export default class BuildsDiff extends SnapCommand<BuildsDiffReport> {
  static override summary = 'Compare two hosts: what guests can tell, registers, default values, rules.'
  static override examples = ['<%= config.bin %> builds diff linux-6.1 linux-7.3']
  static override args = {
    a: Args.string({ required: true, description: 'built-in build, alias or build file' }),
    b: Args.string({ required: true, description: 'the other one' }),
  }
  static override flags = {
    features: Flags.string({ default: 'psci_0_2', summary: 'vCPU features of the fresh vCPUs that are compared' }),
    details: Flags.boolean({ summary: 'every rule of what userspace is allowed' }),
  }

  async run(): Promise<Outcome<BuildsDiffReport>> {
    const { args, flags } = await this.parse(BuildsDiff)
    const report = await buildsDiff(args.a, args.b, parseFeatures(flags.features))
    return { report, text: page => renderBuildsDiff(report, page, flags.details), status: report.equal ? 0 : 3 }
  }
}
