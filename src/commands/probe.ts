// Owns the words of `probe`.
import { parseFeatures } from '../arch/features.ts'
import { Flags } from '../cli/flags.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { type ProbeReport, probe } from '../ops/probe/probe.ts'
import { renderProbe } from '../render/probe.ts'

export default class Probe extends SnapCommand<ProbeReport> {
  static override summary = 'Record this host, through /dev/kvm, as a build; or say how it differs from a known one.'
  static override examples = ['<%= config.bin %> probe -o my-host.json', '<%= config.bin %> probe --compare linux-6.12 --quick']
  static override flags = {
    output: Flags.string({ char: 'o', summary: 'build file to write' }),
    compare: Flags.string({ summary: 'built-in build, alias or build file to compare this host with' }),
    quick: Flags.boolean({ summary: 'register lists and firmware registers only: seconds instead of minutes' }),
    redact: Flags.boolean({ summary: "leave out what names this machine: the kernel's own words, its command line" }),
    recording: Flags.string({ summary: 'write every answer of the kernel to this file too (.json or .json.gz)' }),
    features: Flags.string({ default: 'psci_0_2', summary: 'vCPU features of the fresh vCPUs that are compared' }),
    name: Flags.string({ summary: 'name of the build' }),
    cpu: Flags.string({ summary: 'name of its CPU' }),
    device: Flags.string({ default: '/dev/kvm', summary: 'the device' }),
    details: Flags.boolean({ summary: 'every rule of what userspace is allowed' }),
    force: Flags.boolean({ summary: 'replace existing files' }),
  }

  async run(): Promise<Outcome<ProbeReport>> {
    const { flags } = await this.parse(Probe)
    this.claimStdout('--output', flags.output)
    this.claimStdout('--recording', flags.recording)
    const { output, compare, recording, name, cpu, quick, redact, device, force } = flags
    const given = { output, compare, recording, name, cpu }
    const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
    const report = await probe({ ...this.work, ...named, quick, redact, device, overwrite: force, features: parseFeatures(flags.features) })
    return { report, text: page => renderProbe(report, page, flags.details), status: report.comparison?.equal === false ? 3 : 0 }
  }
}
