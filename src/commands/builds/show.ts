// Owns the words of `builds show`.
import { parseFeatures } from '../../arch/features.ts'
import { Args, Flags } from '../../cli/flags.ts'
import { type Outcome, SnapCommand } from '../../cli/snap-command.ts'
import { type BuildsShowReport, buildsShow } from '../../ops/builds.ts'
import { renderBuildsShow } from '../../render/builds.ts'

export default class BuildsShow extends SnapCommand<BuildsShowReport> {
  static override summary = 'Show what one host offers: PSCI, firmware services, registers, rules, provenance.'
  static override examples = ['<%= config.bin %> builds show linux-6.12', "<%= config.bin %> builds show linux-7.3/neoverse-n1 --registers 'ID_*' --details"]
  static override args = { build: Args.string({ required: true, description: 'built-in build, alias or build file' }) }
  static override flags = {
    features: Flags.string({ default: 'psci_0_2', summary: 'vCPU features of the registers shown' }),
    registers: Flags.string({ summary: 'only registers that match this name, id or glob' }),
    details: Flags.boolean({ summary: 'every rule and every register' }),
  }

  async run(): Promise<Outcome<BuildsShowReport>> {
    const { args, flags } = await this.parse(BuildsShow)
    const report = await buildsShow(args.build, parseFeatures(flags.features), flags.registers)
    return { report, text: page => renderBuildsShow(report, page, flags.details || flags.registers !== undefined) }
  }
}
