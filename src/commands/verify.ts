// Owns the words of `verify`.
import { Args } from '../cli/flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import type { VerifyReport } from '../ops/reports.ts'
import { verify } from '../ops/verify.ts'
import { renderVerify } from '../render/short-reports.ts'

export default class Verify extends SnapCommand<VerifyReport> {
  static override summary = 'Check that a file is whole and that what it holds is consistent.'
  static override examples = ['<%= config.bin %> verify guest.psnap']
  static override args = { file: Args.string({ required: true, description: 'archive or register list; - for standard input' }) }

  async run(): Promise<Outcome<VerifyReport>> {
    const { args } = await this.parse(Verify)
    const report = await verify(args.file, this.work)
    return { report, text: page => renderVerify(report, page), status: report.valid ? 0 : 3 }
  }
}
