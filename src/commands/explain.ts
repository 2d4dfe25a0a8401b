// Owns the words of `explain`.
import { Args, Flags } from '../cli/flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { explain } from '../ops/explain/explain.ts'
import type { ExplainReport } from '../ops/explain/explain-report.ts'
import { renderExplain } from '../render/explain.ts'

export default class Explain extends SnapCommand<ExplainReport> {
  static override summary =
    'Say what a register, a PSCI version, an errno, a call, a code or a VMM message means: the rule, since when, what follows, the source.'
  static override examples = [
    '<%= config.bin %> explain PSCI 1.1..1.3',
    '<%= config.bin %> explain 0x6030000000160003',
    '<%= config.bin %> explain EINVAL KVM_REG_ARM_PSCI_VERSION --on linux-6.1',
    '<%= config.bin %> explain PSCI_VERSION=1.3 --on linux-6.12',
    '<%= config.bin %> explain "failed to load cpu:cpreg_vmstate_array_len"',
  ]
  static override strict = false
  static override args = { what: Args.string({ required: true, description: 'what to explain, in one word or several; a line of a log in quotes' }) }
  static override flags = {
    on: Flags.string({ helpValue: 'BUILD', summary: 'ask this build (built-in, alias or file), not every recorded kernel' }),
    details: Flags.boolean({ summary: 'every function, every value of every field, every source' }),
  }

  async run(): Promise<Outcome<ExplainReport>> {
    const { argv, flags } = await this.parse(Explain)
    const report = await explain(argv as string[], { ...this.work, ...(flags.on === undefined ? {} : { on: flags.on }) })
    return { report, text: page => renderExplain(report, page, flags.details) }
  }
}
