// Owns the command line of `builds list`.
import { type Outcome, SnapCommand } from '../../cli/snap-command.ts'
import { type BuildsListReport, buildsList } from '../../ops/builds-list.ts'
import { renderBuildsList } from '../../render/builds.ts'

export default class BuildsList extends SnapCommand<BuildsListReport> {
  static override summary = 'List the built-in builds.'
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json']

  async run(): Promise<Outcome<BuildsListReport>> {
    await this.parse(BuildsList)
    const report = buildsList()
    return { report, text: page => renderBuildsList(report, page) }
  }
}
