// Owns the words of `signature`.
import { parseFeatures } from '../arch/features.ts'
import { Args, Flags } from '../cli/flags.ts'
import { INPUT_FLAGS, inputOptions } from '../cli/input-flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { compareSignatures, signature } from '../ops/signature/signature.ts'
import type { SignatureComparison, SignatureReport } from '../ops/signature/signature-report.ts'
import { renderSignature, renderSignatures } from '../render/signature.ts'

export default class Signature extends SnapCommand<SignatureReport | SignatureComparison> {
  static override summary = 'Sign the environment that a guest relies on when it wakes from hibernation, or say what differs between two.'
  static override description = [
    'The environment of a snapshot, of a new guest on a build, or of one on this arm64 host: PSCI, services, mitigations, ID registers, topology, memory map,',
    'tables, interrupt controller and devices, as far as the source says them (docs/hibernate.md). With two sources the exit status is 3 when a component is',
    'known to differ; new guests are then made as the other source is.',
  ].join(' ')
  static override examples = [
    '<%= config.bin %> signature hibernated.psnap',
    '<%= config.bin %> signature hibernated.psnap linux-6.12',
    '<%= config.bin %> signature linux-7.2 linux-7.3 --features psci_0_2,pmu_v3',
  ]
  static override args = {
    a: Args.string({ required: true, description: 'snapshot of any format (- for standard input), build, build file, or host: the kernel of this machine' }),
    b: Args.string({ description: 'where the guest would resume, likewise' }),
  }
  static override flags = {
    ...INPUT_FLAGS,
    features: Flags.string({ summary: 'vCPU features of new guests; by default those of the other source, else psci_0_2' }),
    vcpus: Flags.integer({ min: 1, max: 512, aliases: ['cpus'], summary: 'number of vCPUs of new guests; by default as the other source, else 1' }),
    gic: Flags.option({ options: ['none', 'v2', 'v3'] as const, summary: 'interrupt controller of new guests; by default as the other source, else v3' })(),
    details: Flags.boolean({ summary: 'list every single fact' }),
  }

  async run(): Promise<Outcome<SignatureReport | SignatureComparison>> {
    const { args, flags } = await this.parse(Signature)
    const options = {
      ...this.work,
      ...inputOptions(flags),
      ...(flags.features === undefined ? {} : { features: parseFeatures(flags.features) }),
      ...(flags.vcpus === undefined ? {} : { vcpus: flags.vcpus }),
      ...(flags.gic === undefined ? {} : { gic: flags.gic }),
    }
    if (args.b === undefined) {
      const report = await signature(args.a, options)
      return { report, text: page => renderSignature(report, page, flags.details) }
    }
    const report = await compareSignatures(args.a, args.b, options)
    return { report, text: page => renderSignatures(report, page, flags.details), status: report.equal ? 0 : 3 }
  }
}
