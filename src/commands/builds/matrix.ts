// Owns the words of `builds matrix`.
import { parseFeatures } from '../../arch/features.ts'
import { Flags } from '../../cli/flags.ts'
import { type Outcome, SnapCommand } from '../../cli/snap-command.ts'
import { parseVmm } from '../../ops/load/vmm.ts'
import { type BuildsMatrixReport, buildsMatrix } from '../../ops/matrix/builds-matrix.ts'
import { renderMatrix } from '../../render/matrix.ts'

const names = (text: string): readonly string[] =>
  text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')

export default class BuildsMatrix extends SnapCommand<BuildsMatrixReport> {
  static override summary = 'Move a new guest of every host to every other: which pairs survive, and why the others do not.'
  static override examples = [
    '<%= config.bin %> builds matrix --from linux-6.12 --to linux-6.16,linux-7.3',
    '<%= config.bin %> builds matrix --features host --vmm qemu-11.1',
  ]
  static override flags = {
    from: Flags.string({ summary: 'hosts of the guests, with commas between; by default every built-in build' }),
    to: Flags.string({ summary: 'hosts that they go to; by default every built-in build' }),
    vmm: Flags.string({ default: 'kvm', summary: 'whose load rules: kvm, qemu-10.0, qemu-11.1, firecracker, cloud-hypervisor' }),
    features: Flags.string({ default: 'psci_0_2', summary: 'vCPU features, with commas between; `host`: what each host gives by default' }),
  }

  async run(): Promise<Outcome<BuildsMatrixReport>> {
    const { flags } = await this.parse(BuildsMatrix)
    const report = await buildsMatrix({
      ...this.work,
      vmm: parseVmm(flags.vmm),
      features: flags.features === 'host' ? 'host' : parseFeatures(flags.features),
      ...(flags.from === undefined ? {} : { from: names(flags.from) }),
      ...(flags.to === undefined ? {} : { to: names(flags.to) }),
    })
    return { report, text: page => renderMatrix(report, page) }
  }
}
