// Owns the words of `diff`.
import { Args, Flags } from '../cli/flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { diff } from '../ops/diff.ts'
import type { DiffReport } from '../ops/reports.ts'
import { renderDiff } from '../render/diff.ts'

export default class Diff extends SnapCommand<DiffReport> {
  static override summary = 'Compare two snapshots of any formats: registers by field, power states, devices, memory.'
  static override examples = ['<%= config.bin %> diff before.psnap after.psnap --memory', "<%= config.bin %> diff guest.psnap registers.json --only 'ID_AA64*'"]
  static override args = {
    a: Args.string({ required: true, description: 'snapshot of any format; - for standard input' }),
    b: Args.string({ required: true, description: 'the other one' }),
  }
  static override flags = {
    only: Flags.string({
      multiple: true,
      summary: 'compare only this: a register (name, id, glob), another name, or register, mpState, device, memory, vm; may be repeated',
    }),
    ignore: Flags.string({ multiple: true, summary: 'leave this out, likewise; may be repeated' }),
    volatile: Flags.boolean({ summary: 'compare counters too, which run by themselves' }),
    memory: Flags.boolean({ allowNo: true, summary: 'list all pages of guest memory that differ; without it only whether any does' }),
    'memory-file-a': Flags.string({ multiple: true, summary: 'file with the memory of A, for formats that keep it apart; then the diffs over it' }),
    'memory-file-b': Flags.string({ multiple: true, summary: 'the same of B' }),
    'vmm-version': Flags.string({ summary: 'VMM release that wrote the files, where a version stands for several layouts' }),
    details: Flags.boolean({ summary: 'list everything, also what long lists leave out' }),
    secrets: Flags.boolean({ summary: 'show pointer-authentication keys' }),
  }

  async run(): Promise<Outcome<DiffReport>> {
    const { args, flags } = await this.parse(Diff)
    const report = await diff(args.a, args.b, {
      ...this.work,
      only: flags.only ?? [],
      ignore: flags.ignore ?? [],
      volatile: flags.volatile,
      secrets: flags.secrets,
      memoryFilesA: flags['memory-file-a'] ?? [],
      memoryFilesB: flags['memory-file-b'] ?? [],
      ...(flags.memory === undefined ? {} : { memory: flags.memory }),
      ...(flags['vmm-version'] === undefined ? {} : { vmmVersion: flags['vmm-version'] }),
    })
    return { report, text: page => renderDiff(report, page, flags.details), status: report.equal ? 0 : 3 }
  }
}
