// Owns a whole probe: its sections in order, one step after the other, and the recording that they come to (recordings/SCHEMA.md). Writes no file.
import { cpuName } from '../../arch/midr.ts'
import { type AbiHost, getAbi64 } from '../../backends/kvm-abi.ts'
import type { Recording } from '../../builds/recorded/recording.ts'
import { sameCpu } from '../../builds/same-cpu.ts'
import { VERSION } from '../../version.ts'
import type { Work } from '../work.ts'
import { errorPaths } from './error-paths.ts'
import { featureSet } from './feature-sets.ts'
import { firmwareEffects } from './firmware-effects.ts'
import { firmwareOverTime, firmwareWrites } from './firmware-registers.ts'
import { GUEST } from './guest-words.ts'
import { type HostFacts, upstreamRelease } from './host-facts.ts'
import { hostRecord } from './host-record.ts'
import { idRegisters, idRegistersOfVm } from './id-registers.ts'
import { normalised } from './normalise.ts'
import { powerAndTime } from './power-and-time.ts'
import { type PlainRow, type ProbeContext, type Waits, withVm } from './probe-vm.ts'
import { psciMatrix } from './psci.ts'
import { registerLists } from './register-lists.ts'
import { sysreg } from './registers.ts'
import { restores } from './restores.ts'
import type { Extent, Section } from './section.ts'

const SECTIONS: readonly Section[] = [
  registerLists,
  errorPaths,
  powerAndTime,
  idRegistersOfVm,
  firmwareOverTime,
  firmwareWrites,
  firmwareEffects,
  restores,
  idRegisters,
  psciMatrix,
]
const LISTS = ['regs', 'mpstate', 'timer', 'idvm', 'fwreinit', 'fwwrite', 'fwrun', 'fweffect', 'smccc_filter', 'restore', 'impid', 'idregs'] as const
const MIDR = sysreg(3, 0, 0, 0, 0)
/** Milliseconds. A call that returns takes microseconds on hardware, and milliseconds where KVM itself is emulated. */
const CALL_WAIT = 1500
const LEAST_BLOCK_WAIT = 40
const MOST_BLOCK_WAIT = 250
const LEAST_OFF_WAIT = 10
const SAMPLES = 16

export interface RecordOptions extends Work {
  readonly extent: Extent
  /** The CPU's name; by default that of a built-in host with the same MIDR_EL1, else Arm's name for it, else `midr-…`. */
  readonly cpu?: string
  /** Milliseconds to wait for the guest; by default measured on the host. */
  readonly waits?: Waits
  /** When each section ended. */
  readonly timed?: (section: string, milliseconds: number) => void
}

/** What a probe came to: a recording, and the CPU that it was made on. */
export interface HostRecording {
  readonly recording: Recording
  readonly midr: bigint
}

/** Records a host. Every VM that it makes is closed when it returns or throws; it throws the signal's reason, or KERNEL_REFUSED. */
export async function recordHost(host: AbiHost, facts: HostFacts, { extent, cpu, waits, signal, progress, timed }: RecordOptions): Promise<HostRecording> {
  const meta = hostRecord(host, facts)
  const patient: ProbeContext = { host, target: meta.preferred.target, waits: waits ?? { call: CALL_WAIT, block: MOST_BLOCK_WAIT, off: MOST_BLOCK_WAIT } }
  const midr = withVm(patient, featureSet('psci02'), vm => getAbi64(vm.vcpu(0), MIDR) ?? 0n)
  const context: ProbeContext = { ...patient, waits: waits ?? waitsOf(patient) }
  const release = upstreamRelease(facts)
  const records: { [section: string]: PlainRow[] } = Object.fromEntries(LISTS.map(name => [name, []]))
  const sections = SECTIONS.filter(section => section.in.includes(extent))
  for (const [done, section] of sections.entries()) {
    progress?.({ label: section.label, done, total: sections.length, unit: 'sections' })
    const started = performance.now()
    for (const step of section.run(context)) {
      // Everything above is synchronous: only here can a Ctrl-C come through.
      await new Promise(resolve => setImmediate(resolve))
      signal?.throwIfAborted()
      if (step) (records[step.section] ??= []).push(normalised(step.section, step.record))
    }
    timed?.(section.label, performance.now() - started)
  }
  const { errs = [], ...lists } = records
  const recording = {
    version: release,
    uname_r: facts.unameRelease,
    uname_v: facts.unameVersion,
    package: '',
    qemu_cpu: cpu ?? sameCpu(midr, release)?.host.cpu ?? cpuName(midr) ?? `midr-${midr.toString(16)}`,
    append: '',
    mode: extent,
    complete: extent !== 'quick',
    tool: `psci-snap ${VERSION}`,
    meta: { ...meta, midr: `0x${midr.toString(16)}` },
    ...lists,
    errs: errs[0]?.t ?? {},
  }
  return { recording: recording as unknown as Recording, midr }
}

/** A blocked vCPU is waited for many times over: as long as calls take here, and a good deal longer, but no more. */
function waitsOf(context: ProbeContext): Waits {
  return withVm(context, featureSet('psci02'), vm => {
    if (vm.fail) return context.waits
    vm.setup(0)
    const samples = Array.from({ length: SAMPLES }, () => {
      const started = performance.now()
      vm.call(0, GUEST.hvc0, [0x8400_0000n])
      return performance.now() - started
    }).sort((a, b) => a - b)
    const [usual, longest] = [samples[SAMPLES >> 1] ?? 0, samples[SAMPLES - 1] ?? 0]
    const within = (least: number, milliseconds: number): number => Math.min(MOST_BLOCK_WAIT, Math.max(least, Math.ceil(milliseconds)))
    return { call: CALL_WAIT, block: within(LEAST_BLOCK_WAIT, 20 * longest), off: within(LEAST_OFF_WAIT, 10 * usual) }
  })
}

/** A recording as text: one line a record, the same for the same host. */
export function recordingText(recording: Recording): string {
  const lines = Object.entries(recording).map(([key, value]) => {
    const isList = Array.isArray(value) && value.length > 0
    return `${JSON.stringify(key)}:${isList ? `[\n${value.map(each => JSON.stringify(each)).join(',\n')}\n]` : JSON.stringify(value)}`
  })
  return `{${lines.join(',\n')}}\n`
}
