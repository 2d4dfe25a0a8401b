// Owns the words of `save`.
import { parseFeatures } from '../arch/features.ts'
import { BACKEND_FLAG } from '../cli/backend-flag.ts'
import { Flags } from '../cli/flags.ts'
import { KERNEL_FLAGS, whichGuest } from '../cli/guest-flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { readBaseline } from '../ops/baseline/read-baseline.ts'
import type { SaveReport } from '../ops/reports.ts'
import { save } from '../ops/save.ts'
import { renderSave } from '../render/short-reports.ts'

export default class Save extends SnapCommand<SaveReport> {
  static override summary = 'Boot the built-in guest or a kernel on a build, or on the kernel of this host, run it to a point, write a snapshot.'
  static override examples = [
    '<%= config.bin %> save --build linux-6.1 -o guest.psnap',
    '<%= config.bin %> save --build linux-7.3 --psci 1.1 --until off -o off.psnap',
    '<%= config.bin %> save --build linux-7.3/max --baseline fleet.json -o guest.psnap',
    '<%= config.bin %> save --backend kvm -o host.psnap',
    '<%= config.bin %> save --kernel Image --initrd initramfs.cpio.gz --until "console=^/ #" -o shell.psnap',
  ]
  static override flags = {
    backend: BACKEND_FLAG,
    build: Flags.string({ summary: 'host to boot on: a built-in build or a build file; none with --backend kvm' }),
    output: Flags.string({ char: 'o', required: true, summary: 'file to write, .psnap or .json; - for standard output' }),
    vcpus: Flags.integer({ min: 1, max: 64, aliases: ['cpus'], summary: 'number of vCPUs; by default 2, with --kernel 1' }),
    ...KERNEL_FLAGS,
    psci: Flags.string({ summary: 'pin this PSCI version before the first run' }),
    features: Flags.string({
      summary:
        'vCPU features, with commas between, empty for none; by default psci_0_2, with --backend kvm pmu_v3 too where there is one, or what the baseline says',
    }),
    gic: Flags.option({ options: ['none', 'v2', 'v3'] as const, summary: 'in-kernel interrupt controller; by default v3, or what the baseline says' })(),
    baseline: Flags.string({ summary: 'baseline file: its registers are written before the first run' }),
    until: Flags.string({
      summary: 'when to save: ready, insns=N, hibernate, off, suspend, reset; with --kernel also console=REGEX and psci=FUNCTION, not ready',
    }),
    memory: Flags.integer({ min: 1, summary: 'guest memory in MiB; by default 16, with --kernel 512' }),
    to: Flags.string({ summary: 'format: psnap or kvm-reglist; by default what the name of the file says' }),
    force: Flags.boolean({ summary: 'replace an existing file' }),
  }

  async run(): Promise<Outcome<SaveReport>> {
    const { flags } = await this.parse(Save)
    this.claimStdout('--output', flags.output)
    const report = await save(flags.output, {
      ...this.work,
      backend: flags.backend,
      ...whichGuest(flags),
      overwrite: flags.force,
      ...(flags.build === undefined ? {} : { build: flags.build }),
      ...(flags.features === undefined ? {} : { features: parseFeatures(flags.features) }),
      ...(flags.gic === undefined ? {} : { gic: flags.gic }),
      ...(flags.baseline === undefined ? {} : { baseline: await readBaseline(flags.baseline) }),
      ...(flags.psci === undefined ? {} : { psci: flags.psci }),
      ...(flags.to === undefined ? {} : { format: flags.to }),
    })
    return { report, text: page => renderSave(report, page) }
  }
}
