// Owns the words of `verify`.
import { Args } from '../cli/flags.ts'
import { INPUT_FLAGS, inputOptions } from '../cli/input-flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import type { VerifyReport } from '../ops/reports.ts'
import { verify } from '../ops/verify.ts'
import { renderVerify } from '../render/short-reports.ts'

export default class Verify extends SnapCommand<VerifyReport> {
  static override summary = 'Check that a file is whole, consistent, and free of known faults.'
  static override examples = ['<%= config.bin %> verify guest.psnap']
  static override args = { file: Args.string({ required: true, description: 'snapshot in any format, file or folder; - for standard input' }) }
  static override flags = INPUT_FLAGS

  async run(): Promise<Outcome<VerifyReport>> {
    const { args, flags } = await this.parse(Verify)
    const report = await verify(args.file, { ...this.work, ...inputOptions(flags) })
    return { report, text: page => renderVerify(report, page), status: report.valid ? 0 : 3 }
  }
}
