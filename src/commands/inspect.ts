// Owns the words of `inspect`.
import { Args, Flags } from '../cli/flags.ts'
import { INPUT_FLAGS, inputOptions } from '../cli/input-flags.ts'
import { withOptionalValue } from '../cli/optional-value.ts'
import { type Outcome, SnapCommand } from '../cli/snap-command.ts'
import { inspect } from '../ops/inspect.ts'
import type { InspectReport } from '../ops/inspect-report.ts'
import { parseBytesWanted } from '../ops/memory-bytes.ts'
import { renderInspect } from '../render/inspect.ts'

/** Flags that take a value: what follows one is no file. */
const VALUED = new Set(['--registers', '--disassemble', '--walk', '--vcpu', '--memory', '--memory-file', '--vmm-version'])

export default class Inspect extends SnapCommand<InspectReport> {
  static override summary = 'Show what a snapshot holds.'
  static override examples = [
    '<%= config.bin %> inspect guest.psnap',
    "<%= config.bin %> inspect guest.psnap --registers 'ID_AA64*' --fields",
    '<%= config.bin %> inspect guest.mig --find --memory 0x40000000,64',
    '<%= config.bin %> inspect guest.mig --disassemble --walk 0xffff800080000000 --walk vbar_el1,1',
  ]
  static override args = { file: Args.string({ required: true, description: 'snapshot in any format, file or folder; - for standard input' }) }
  static override flags = {
    registers: Flags.string({ helpValue: '[GLOB]', summary: 'registers to list: a name, an id, a glob, or all; without it those that identify the guest' }),
    fields: Flags.boolean({ summary: 'show the fields of each register' }),
    vcpu: Flags.integer({ min: 0, summary: 'only this vCPU' }),
    memory: Flags.string({ helpValue: 'ADDR,LEN', summary: 'show guest memory at a guest physical address' }),
    find: Flags.boolean({ summary: 'search guest memory for kernel banners, device trees and ACPI tables' }),
    acpi: Flags.boolean({ summary: 'search guest memory, and what the VMM keeps for firmware, for ACPI tables; shows the FACS' }),
    disassemble: Flags.integer({ min: 1, max: 4096, helpValue: '[N]', summary: 'show N instructions before and after the PC of each vCPU, 8 without N' }),
    walk: Flags.string({ multiple: true, helpValue: 'ADDR[,VCPU]', summary: 'walk an address, or that in a register, through the page tables; repeatable' }),
    full: Flags.boolean({ summary: 'read everything: sha256 of a large file too, share of memory that is not zero' }),
    secrets: Flags.boolean({ summary: 'show pointer-authentication keys' }),
    ...INPUT_FLAGS,
  }

  async run(): Promise<Outcome<InspectReport>> {
    this.argv = withOptionalValue(this.argv, '--registers', '*', 1, VALUED)
    this.argv = withOptionalValue(this.argv, '--disassemble', '8', 1, VALUED)
    const { args, flags } = await this.parse(Inspect)
    const report = await inspect(args.file, {
      ...this.work,
      ...inputOptions(flags),
      fields: flags.fields,
      full: flags.full,
      find: flags.find,
      acpi: flags.acpi,
      secrets: flags.secrets,
      ...(flags.registers === undefined ? {} : { registers: flags.registers }),
      ...(flags.memory === undefined ? {} : { memory: parseBytesWanted(flags.memory) }),
      ...(flags.disassemble === undefined ? {} : { disassemble: flags.disassemble }),
      ...(flags.walk === undefined ? {} : { walks: flags.walk }),
      ...(flags.vcpu === undefined ? {} : { vcpu: flags.vcpu }),
    })
    return { report, text: page => renderInspect(report, page) }
  }
}
