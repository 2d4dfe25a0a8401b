// Owns the words of `convert`.
import { Args, Flags } from '../cli/flags.ts'
import { INPUT_FLAGS, inputOptions } from '../cli/input-flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { convert } from '../ops/convert.ts'
import type { ConvertReport } from '../ops/reports.ts'
import { renderConvert } from '../render/short-reports.ts'

export default class Convert extends SnapCommand<ConvertReport> {
  static override summary = 'Write a snapshot in another format.'
  static override examples = [
    '<%= config.bin %> convert guest.psnap -o guest.json',
    '<%= config.bin %> convert registers.json -o guest.psnap',
    '<%= config.bin %> convert guest.mig -o guest.core',
  ]
  static override args = { file: Args.string({ required: true, description: 'snapshot in any format, file or folder; - for standard input' }) }
  static override flags = {
    output: Flags.string({ char: 'o', required: true, summary: 'file to write, .psnap, .json or .core; - for standard output' }),
    to: Flags.string({ summary: 'format: psnap, kvm-reglist or elf-core; by default what the name of the file says' }),
    force: Flags.boolean({ summary: 'replace an existing file' }),
    ...INPUT_FLAGS,
  }

  async run(): Promise<Outcome<ConvertReport>> {
    const { args, flags } = await this.parse(Convert)
    this.claimStdout('--output', flags.output)
    const report = await convert(args.file, flags.output, {
      ...this.work,
      ...inputOptions(flags),
      overwrite: flags.force,
      ...(flags.to === undefined ? {} : { format: flags.to }),
    })
    return { report, text: page => renderConvert(report, page) }
  }
}
