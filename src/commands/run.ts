// Owns the words of `run`.
import { Args, Flags } from '../cli/flags.ts'
import { given } from '../cli/given.ts'
import { GUEST_FLAGS, guestOptions, KERNEL, RUN_FLAGS, runLimits, WAKE_FLAGS, wakeOptions } from '../cli/guest-flags.ts'
import { guestTerminal } from '../cli/guest-terminal.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import type { RunReport } from '../ops/reports.ts'
import { run, runStatus } from '../ops/run/run.ts'
import { renderRun } from '../render/run.ts'

export default class Run extends SnapCommand<RunReport> {
  static override summary = 'Boot a kernel on the built-in machine, or run a snapshot on, with its console in this terminal.'
  static override examples = [
    '<%= config.bin %> run --kernel Image --initrd initramfs.cpio.gz --append "console=ttyAMA0" --cpus 2',
    '<%= config.bin %> run --kernel selftest.flat --append "setup smp=2 mem=256" --cpus 2 --memory 256 --json </dev/null',
    '<%= config.bin %> run guest.psnap --build linux-7.3',
    '<%= config.bin %> run --wake slept.psnap --kernel Image --initrd initramfs.cpio.gz --disk swap.img --build linux-7.2',
  ]
  static override description = [
    "On a terminal every key is the guest's but Ctrl-A: Ctrl-A X leaves it, Ctrl-A H says what else there is. A guest that waits then waits in real time, and",
    'jumps to what it waits for when input is a pipe or a file. What the guest prints goes to standard output, the report to standard error; with --json the',
    'report has it. The end of the input is not the end of the guest. A guest that reports a failure as kvm-unit-tests do (EXIT: STATUS=n) exits 3.',
  ].join(' ')
  static override args = { file: Args.string({ description: 'snapshot to run on; left out with --kernel' }) }
  static override flags = {
    kernel: Flags.string({ summary: KERNEL }),
    ...GUEST_FLAGS,
    ...WAKE_FLAGS,
    build: Flags.string({ summary: 'host to run on: a built-in build or a build file; by default where it was saved, else the newest' }),
    cpus: Flags.integer({ min: 1, max: 64, aliases: ['vcpus'], dependsOn: ['kernel'], summary: 'number of vCPUs; by default 1' }),
    memory: Flags.integer({ min: 1, dependsOn: ['kernel'], summary: 'guest memory in MiB; by default 512' }),
    psci: Flags.string({ summary: 'pin this PSCI version before it runs' }),
    features: Flags.string({ dependsOn: ['kernel'], summary: 'vCPU features, with commas between, empty for none' }),
    gic: Flags.option({ options: ['none', 'v2', 'v3'] as const, dependsOn: ['kernel'], summary: 'in-kernel interrupt controller; by default v3' })(),
    ...RUN_FLAGS,
    force: Flags.boolean({ summary: 'run a snapshot on even where the target refuses a part of it' }),
  }

  async run(): Promise<Outcome<RunReport>> {
    const { args, flags } = await this.parse(Run)
    const terminal = guestTerminal(this.claimConsole())
    try {
      const report = await run({
        ...guestOptions(flags),
        ...wakeOptions(flags),
        signal: this.work.signal,
        port: terminal,
        keepConsole: !terminal.prints,
        paced: flags.paced ?? terminal.isTerminal,
        force: flags.force,
        ...given({ file: args.file, kernel: flags.kernel, build: flags.build, until: flags.until }),
        ...runLimits(flags),
      })
      return { report, text: page => renderRun(report, page), status: runStatus(report) }
    } finally {
      terminal.close()
    }
  }
}
