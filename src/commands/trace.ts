// Owns the words of `trace`.
import { Args, Flags } from '../cli/flags.ts'
import { GUEST_FLAGS, RUN_FLAGS } from '../cli/guest-flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { runTrace, TRACE_FORMATS, traceOptions } from '../cli/trace-run.ts'
import type { TraceSummary } from '../ops/trace/trace-report.ts'

const { initrd, append, disk, rng, seed } = GUEST_FLAGS
const { until, timeout, 'max-insns': maxInsns } = RUN_FLAGS

export default class Trace extends SnapCommand<TraceSummary> {
  static override summary = 'Show what a guest asks of its firmware: every PSCI and SMCCC call, by vCPU, with arguments and answers by name.'
  static override examples = [
    '<%= config.bin %> trace --build linux-6.1',
    "<%= config.bin %> trace guest.psnap --build linux-7.3 --function 'CPU_*' --max-calls 50",
    '<%= config.bin %> trace --kernel Image --initrd initramfs.cpio.gz --append "console=ttyAMA0" --cpus 4 --format chrome -o boot.json',
  ]
  static override description = [
    'The built-in guest (which asks everything once on every vCPU), a snapshot that runs on, or a kernel, on the built-in machine. Seconds are those of the',
    'machine. A function with two forms is called by its 64-bit one unless (SMC32) says otherwise. chrome is the format that ui.perfetto.dev and chrome://tracing',
    'open, with a thread for each vCPU. Watching changes nothing of what the guest does. Ctrl-C ends the guest, and what was traced until then is kept.',
  ].join(' ')
  static override args = { file: Args.string({ description: 'snapshot to run on; left out for the built-in guest, or with --kernel' }) }
  static override flags = {
    kernel: Flags.string({ summary: 'kernel to boot: an arm64 Image, compressed or not, an EFI zboot image, an ELF file or a flat binary' }),
    ...{ initrd, append, disk, rng, seed },
    build: Flags.string({ summary: 'host to run on: a built-in build or a build file; by default where it was saved, else the newest' }),
    cpus: Flags.integer({ min: 1, max: 64, aliases: ['vcpus'], summary: 'number of vCPUs; by default 1 with a kernel, 2 of the built-in guest' }),
    memory: Flags.integer({ min: 1, summary: 'guest memory in MiB; by default 512 with a kernel, 16 of the built-in guest' }),
    psci: Flags.string({ summary: 'pin this PSCI version before it runs' }),
    features: Flags.string({ summary: 'vCPU features, with commas between, empty for none' }),
    gic: Flags.option({ options: ['none', 'v2', 'v3'] as const, summary: 'in-kernel interrupt controller; by default v3' })(),
    ...{ until, timeout, 'max-insns': maxInsns },
    vcpu: Flags.integer({ min: 0, multiple: true, summary: 'show only this vCPU; may be repeated' }),
    function: Flags.string({ multiple: true, helpValue: 'GLOB', summary: 'show only these functions: a name, a glob over names, an id; may be repeated' }),
    'max-calls': Flags.integer({ min: 1, max: 10_000_000, default: 1000, summary: 'stop when so many calls have been shown' }),
    details: Flags.boolean({ summary: 'show where each call was made, its id and what the registers held' }),
    format: Flags.option({ options: TRACE_FORMATS, summary: 'of the file; by default what its name says: .json chrome, .jsonl JSON lines, else text' })(),
    output: Flags.string({ char: 'o', summary: 'write the trace to this file; - for standard output' }),
    jsonl: Flags.boolean({ summary: 'print one JSON object a line: every event, then {"summary": …}' }),
    force: Flags.boolean({ summary: 'replace an existing file; run a snapshot on even where the target refuses a part of it' }),
  }

  async run(): Promise<Outcome<TraceSummary>> {
    const { args, flags } = await this.parse(Trace)
    this.claimStdout('--output', flags.output)
    const options = { ...this.work, ...traceOptions(args, flags) }
    return runTrace(options, flags, { results: this.results, say: text => this.say(text) })
  }
}
