// Owns the words of `check`.

import { CHECK_FLAGS } from '../cli/check-flags.ts'
import { runCheck } from '../cli/check-run.ts'
import { Args } from '../cli/flags.ts'
import { inputOptions } from '../cli/input-flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import type { CheckSummary } from '../ops/check/check-report.ts'
import { fleetRequest } from '../ops/fleet/request.ts'

export default class Check extends SnapCommand<CheckSummary> {
  static override summary = 'Say before anything moves whether guests will run on other hosts, why not, and what to do.'
  static override description = [
    'Files of any format, folders with everything recognised below them, and patterns. Exit status 0 when all survive, 3 when one does not',
    '(--fail-on refused: when one is refused); without such an answer that of the first file which could not be read, 10 to 13. Files in folders',
    'that are no snapshots are counted and skipped.',
  ].join(' ')
  static override examples = [
    '<%= config.bin %> check guest.psnap --to linux-6.12',
    '<%= config.bin %> check guest.mig --to linux-6.1,linux-6.12 --vmm qemu-11.1',
    '<%= config.bin %> check guest.mig --to linux-6.12,host',
    "<%= config.bin %> check fleet/ 'more/*.psnap' --to all --jsonl --shard 1/8",
    '<%= config.bin %> check fleet/ --to linux-6.12 --policy accepted.yml --sarif check.sarif --html check.html',
  ]
  static override strict = false
  static override args = { files: Args.string({ description: 'snapshots: files, folders, patterns; - for standard input' }) }
  static override flags = CHECK_FLAGS

  async run(): Promise<Outcome<CheckSummary>> {
    const { argv, flags } = await this.parse(Check)
    const request = await fleetRequest({
      ...this.work,
      ...flags,
      ...inputOptions(flags),
      files: argv as string[],
      to: flags.to ?? [],
      rawOrder: flags['raw-order'],
      failOn: flags['fail-on'],
      today: new Date().toISOString().slice(0, 10),
    })
    const { results } = this
    return runCheck(request, flags, { results, say: text => this.say(text), claim: (flag, path) => this.claimStdout(flag, path) })
  }
}
