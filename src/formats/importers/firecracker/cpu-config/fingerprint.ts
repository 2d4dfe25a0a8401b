// Owns cpu-template-helper's fingerprints: what a host gave a vCPU before it ran, and what the host is. A host, not a saved guest.
// Source: facts/vmm-formats.md §1.11.
import { cpuName } from '../../../../arch/midr.ts'
import { sysRegId } from '../../../../arch/reg-id.ts'
import type { Finding } from '../../../../model/finding.ts'
import type { HostDescription } from '../../../../model/host-description.ts'
import { type RegisterList, registerList, registerValue } from '../../../../model/register-list.ts'
import type { Snapshot } from '../../../../model/snapshot.ts'
import type { Imported } from '../../importer.ts'
import { type CpuConfig, isWhole, type Json, optionalText, parseCpuConfig, unknownKeys } from './config.ts'

export const FINGERPRINT_FORMAT = 'firecracker-fingerprint'
const KEYS = ['firecracker_version', 'kernel_version', 'microcode_version', 'bios_version', 'bios_revision', 'guest_cpu_config']
const MIDR_EL1 = sysRegId(3, 0, 0, 0, 0)
const ID_AA64PFR0_EL1 = sysRegId(3, 0, 0, 4, 0)

/** Reads a fingerprint. Throws INPUT_CORRUPT with the path that fails, LIMIT_EXCEEDED, FORMAT_FOREIGN for one of x86_64. */
export function parseFingerprint(json: Json, file: string): Imported {
  const findings: Finding[] = [
    {
      severity: 'info',
      code: 'never-run',
      message:
        'this is the fingerprint of a host, one vCPU that is set up to boot and has not run: X0 holds an address, PC, CNTPCT_EL0 and KVM_REG_ARM_TIMER_CNT are left out, and it is sorted by id',
    },
  ]
  unknownKeys(json, KEYS, 'the file', findings)
  const text = (key: string): string | undefined => optionalText(json[key], key, file)
  const config = parseCpuConfig(json.guest_cpu_config, 'guest_cpu_config', file, findings)
  const registers = wholeRegisters(config, findings)
  const [kernelRelease, vmm, microcodeVersion, biosVersion, biosRevision] = [
    'kernel_version',
    'firecracker_version',
    'microcode_version',
    'bios_version',
    'bios_revision',
  ].map(text)
  const cpu = cpuOf(registers)
  const host: HostDescription = {
    ...(kernelRelease === undefined ? {} : { kernelRelease }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(vmm === undefined ? {} : { vmm: `Firecracker ${vmm}` }),
    ...(microcodeVersion === undefined ? {} : { microcodeVersion }),
    ...(biosVersion === undefined ? {} : { biosVersion }),
    ...(biosRevision === undefined ? {} : { biosRevision }),
    registers,
    complete: false,
  }
  return { format: { id: FINGERPRINT_FORMAT }, snapshot: hostSnapshot(host, config), findings, host }
}

/** The registers whose every bit is known. */
export function wholeRegisters({ modifiers }: CpuConfig, findings: Finding[]): RegisterList {
  const partial = modifiers.filter(modifier => !isWhole(modifier))
  if (partial.length > 0)
    findings.push({
      severity: 'warning',
      code: 'partial-registers',
      message: `${partial.length} registers have bits that the file leaves open; they are not listed`,
    })
  return registerList(modifiers.filter(isWhole).map(({ id, value }) => [id, value] as const))
}

export function cpuOf(registers: RegisterList): string | undefined {
  const midr = registerValue(registers, MIDR_EL1)
  return midr === undefined ? undefined : cpuName(midr)
}

/** The host's vCPU as a snapshot, so that it can be inspected and compared like any other. */
export function hostSnapshot(
  { kernelRelease, cpu, vmm, microcodeVersion, biosVersion, biosRevision, registers }: HostDescription,
  config: CpuConfig,
): Snapshot {
  // Firecracker makes an interrupt controller before it asks for registers; GICv3 shows in ID_AA64PFR0_EL1.
  const gic = ((registerValue(registers, ID_AA64PFR0_EL1) ?? 0n) >> 24n) & 0xfn
  const facts = { microcodeVersion, biosVersion, biosRevision, kvmCapabilities: config.kvmCapabilities, vcpuFeatures: config.vcpuFeatures }
  return {
    origin: {
      ...(kernelRelease === undefined ? {} : { kernel: kernelRelease }),
      ...(cpu === undefined ? {} : { cpu }),
      ...(vmm === undefined ? {} : { vmm }),
      tool: 'cpu-template-helper',
    },
    gic: gic === 0n ? 'none' : 'v3',
    stop: 'running',
    vm: {},
    vcpus: [{ index: 0, registers, mpState: 'runnable' }],
    devices: [{ name: 'host', kind: 'firecracker-host', state: Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) }],
    memory: [],
  }
}
