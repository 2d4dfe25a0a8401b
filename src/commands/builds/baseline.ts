// Owns the words of `builds baseline`.
import { parseFeatures } from '../../arch/features.ts'
import { Args, Flags } from '../../cli/flags.ts'
import { type Outcome, SnapCommand } from '../../cli/snap-command.ts'
import { type BuildsBaselineReport, buildsBaseline } from '../../ops/baseline/builds-baseline.ts'
import { parseVmm } from '../../ops/load/vmm.ts'
import { renderBaseline } from '../../render/baseline.ts'

export default class BuildsBaseline extends SnapCommand<BuildsBaselineReport> {
  static override summary = 'Find what a guest must be born with to move freely among hosts: PSCI pin, bitmaps, ID registers, VMM options.'
  static override examples = [
    '<%= config.bin %> builds baseline linux-6.16/max linux-7.3/max -o fleet.json',
    '<%= config.bin %> builds baseline linux-6.1 linux-6.12 my-host.json --details',
  ]
  static override strict = false
  static override args = {
    hosts: Args.string({ required: true, description: 'two or more built-in builds, aliases or build files' }),
  }
  static override flags = {
    output: Flags.string({ char: 'o', summary: 'baseline file to write, for save and check --baseline; - for standard output' }),
    template: Flags.string({ summary: "file to write with Firecracker's custom CPU template" }),
    features: Flags.string({ default: 'psci_0_2', summary: 'vCPU features of the guest, with commas between' }),
    vcpus: Flags.integer({ default: 1, min: 1, max: 64, summary: 'number of vCPUs of the guest that tries the moves' }),
    gic: Flags.option({ options: ['none', 'v2', 'v3'] as const, default: 'v3', summary: 'in-kernel interrupt controller of the guest' })(),
    vmm: Flags.string({ default: 'kvm', summary: 'whose load rules the moves are tried with: kvm, qemu-10.0, qemu-11.1, firecracker, cloud-hypervisor' }),
    details: Flags.boolean({ summary: 'every register, and what stays different by host' }),
    force: Flags.boolean({ summary: 'replace existing files' }),
  }

  async run(): Promise<Outcome<BuildsBaselineReport>> {
    const { argv, flags } = await this.parse(BuildsBaseline)
    this.claimStdout('--output', flags.output)
    const report = await buildsBaseline(argv as string[], {
      ...this.work,
      features: parseFeatures(flags.features),
      vcpus: flags.vcpus,
      gic: flags.gic,
      vmm: parseVmm(flags.vmm),
      overwrite: flags.force,
      ...(flags.output === undefined ? {} : { output: flags.output }),
      ...(flags.template === undefined ? {} : { template: flags.template }),
    })
    return { report, text: page => renderBaseline(report, page, flags.details), status: report.free ? 0 : 3 }
  }
}
