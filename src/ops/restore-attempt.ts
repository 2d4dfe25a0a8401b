// Owns one restore of a snapshot with one set of vCPU features on the built-in machine: prepare, replay, judge, run on. restore.ts chooses the features.
import { errnoName } from '../arch/errno.ts'
import type { Feature } from '../arch/features.ts'
import { PSCI_VERSION_ID } from '../arch/smccc.ts'
import type { BackendVcpu, BackendVm } from '../backends/backend.ts'
import type { EmulatorBackend, EmulatorVm } from '../backends/emulator.ts'
import { SnapError } from '../errors.ts'
import type { Finding } from '../model/finding.ts'
import { registerValue } from '../model/register-list.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { VERSION } from '../version.ts'
import { capture } from './capture.ts'
import { mayHoldProbeGuest, type Observation, observeByPayload, observeGuest, PAYLOAD_MEMORY } from './observe.ts'
import { getU64, setU64 } from './one-register.ts'
import { type Prepared, prepareVcpus, type ReplayOptions, replayVcpu, type VcpuReplay } from './replay.ts'
import type { VcpuReport, Verdict } from './reports.ts'
import { savedPsci } from './saved-psci.ts'
import type { ServiceKnowledge } from './source-services.ts'
import { CHANGES, judge } from './verdict.ts'
import type { Work } from './work.ts'

export interface AttemptOptions extends Work, ReplayOptions {
  readonly features: readonly Feature[]
  readonly pinned: bigint | undefined
  readonly knowledge: ServiceKnowledge
  readonly run: boolean
  readonly force: boolean
}

export interface Attempt {
  readonly features: readonly Feature[]
  readonly verdict: Verdict
  readonly vcpus: readonly VcpuReport[]
  readonly findings: readonly Finding[]
  readonly psciAfter: bigint | undefined
  readonly psciDefault: bigint | undefined
  readonly observation: Observation | undefined
  /** What the guest printed since. */
  readonly console: string
  /** The VM with its memory in place, to be run on. */
  live(): Promise<{ readonly vm: EmulatorVm; readonly vcpus: readonly BackendVcpu[] }>
  /** The VM as it is now, as a snapshot. Its memory is read from the VM, or from the source when the guest did not run. */
  capture(): Promise<Snapshot>
}

/** Restores into a fresh VM. Never throws for what the target refuses: that is the verdict. */
export async function attemptRestore(backend: EmulatorBackend, snapshot: Snapshot, options: AttemptOptions): Promise<Attempt> {
  const isSameBuild = snapshot.origin.build === backend.build.name
  const vm = await backend.createVm({
    ...vmOptions(snapshot),
    board: snapshot.devices.some(device => device.kind === 'pl011'),
    memory: snapshot.memory,
    saved: { devices: snapshot.devices, ...(isSameBuild && snapshot.machine ? { machine: snapshot.machine } : {}) },
  })
  const replayed = await replayInto(vm, snapshot, options)
  const { prepared, replays } = replayed
  let isLoaded = false
  const load = async (): Promise<void> => {
    if (!isLoaded) await loadMemory(vm, snapshot, options)
    isLoaded = true
  }
  const [first] = prepared.vcpus
  const psciAfter = first && !prepared.failed ? await getU64(first, PSCI_VERSION_ID) : undefined
  const saved = savedPsci(snapshot)
  const judged = judge(snapshot, replays, {
    features: options.features,
    psci: { saved, after: psciAfter },
    ...(options.pinned === undefined ? {} : { pinned: options.pinned }),
    sourceOffered: options.knowledge,
  })
  const refused = judged.verdict === 'refused' || replayed.findings.some(finding => finding.severity === 'error')
  const findings = [...judged.findings, ...replayed.findings]
  const observation = options.run && !prepared.failed && (!refused || options.force) ? await observe(backend, vm, snapshot, options, findings, load) : undefined
  findings.push(...(observation?.findings ?? []))
  const changed = findings.some(finding => CHANGES.has(finding.code) && finding.severity !== 'info')
  return {
    features: options.features,
    verdict: refused ? 'refused' : changed ? 'changed' : 'survives',
    vcpus: judged.vcpus,
    findings,
    psciAfter,
    psciDefault: replays[0] && registerValue(replays[0].before, PSCI_VERSION_ID),
    observation,
    console: vm.console(),
    live: async () => {
      await load()
      return { vm, vcpus: prepared.vcpus }
    },
    capture: async () => {
      const { ran } = vm
      const { build } = backend
      return capture(prepared.vcpus, {
        features: options.features,
        origin: { build: build.name, kernel: build.kernel.release, cpu: build.host.cpu, tool: `psci-snap ${VERSION}` },
        gic: snapshot.gic,
        stop: snapshot.stop,
        vm: snapshot.vm,
        devices: ran ? vm.devices() : snapshot.devices,
        memory: ran ? vm.memory() : snapshot.memory,
        machine: vm.machineState(),
        ...(snapshot.unknown ? { unknown: snapshot.unknown } : {}),
      })
    },
  }
}

const vmOptions = ({ gic, vm }: Snapshot) => ({
  gic,
  ...(vm.systemSuspend ? { systemSuspend: true } : {}),
  ...(vm.writableImpIdRegs ? { writableImpIdRegs: true } : {}),
})

interface Replayed {
  readonly prepared: Prepared
  readonly replays: readonly VcpuReplay[]
  /** Refusals of anything that is not a register: each of severity error. */
  readonly findings: readonly Finding[]
}

/** Everything a VMM does on restore, in its order: VM attributes, vCPUs, registers, the pin, events, mp_state. */
async function replayInto(vm: BackendVm, snapshot: Snapshot, options: AttemptOptions): Promise<Replayed> {
  const findings: Finding[] = []
  const check = (errno: number, code: string, what: string, vcpu?: number): void => {
    if (errno !== 0) findings.push({ severity: 'error', code, message: `${what} is refused with ${errnoName(errno)}`, ...(vcpu === undefined ? {} : { vcpu }) })
  }
  for (const range of snapshot.vm.smcccFilter ?? [])
    check(await vm.setSmcccFilter(range), 'smccc-filter-refused', `the SMCCC filter range of ${range.count} functions from 0x${range.base.toString(16)}`)
  if (snapshot.vm.counterOffset !== undefined) check(await vm.setCounterOffset(snapshot.vm.counterOffset), 'counter-offset-refused', 'the counter offset')
  const prepared = await prepareVcpus(vm, snapshot.vcpus, options.features, options)
  if (prepared.failed) {
    const { call, vcpu, errno } = prepared.failed
    check(errno, 'vcpu-refused', `${call} of vCPU ${vcpu} with ${options.features.join(' ') || 'no features'}`, vcpu)
    return { prepared, replays: [], findings }
  }
  const replays: VcpuReplay[] = []
  for (const [i, vcpu] of prepared.vcpus.entries()) {
    options.signal?.throwIfAborted()
    replays.push(await replayVcpu(vcpu, snapshot.vcpus[i]!, options, prepared.vlsErrno.get(i)))
  }
  const [first] = prepared.vcpus
  if (options.pinned !== undefined && first) {
    check(await setU64(first, PSCI_VERSION_ID, options.pinned), 'pin-refused', `PSCI version 0x${options.pinned.toString(16)}, asked for with --pin-psci,`)
  }
  for (const [i, vcpu] of prepared.vcpus.entries()) {
    const { events, mpState, index } = snapshot.vcpus[i]!
    if (events) check(await vcpu.setEvents(events), 'events-refused', `KVM_SET_VCPU_EVENTS of vCPU ${index}`, index)
    check(await vcpu.setMpState(mpState), 'mp-state-refused', `mp_state ${mpState} of vCPU ${index}`, index)
  }
  return { prepared, replays, findings }
}

/** By the guest itself when it runs, else by a payload in a clone. What cannot be executed is a finding, not a failure. */
async function observe(
  backend: EmulatorBackend,
  vm: EmulatorVm,
  snapshot: Snapshot,
  options: AttemptOptions,
  findings: Finding[],
  load: () => Promise<void>,
): Promise<Observation | undefined> {
  try {
    if (mayHoldProbeGuest(snapshot.memory)) {
      await load()
      const seen = await observeGuest(vm, options)
      if (seen) return seen
    }
    const clone = await backend.createVm({ ...vmOptions(snapshot), memory: PAYLOAD_MEMORY })
    const { prepared } = await replayInto(clone, { ...snapshot, memory: [], devices: [] }, options)
    const [first] = prepared.vcpus
    return first && (await observeByPayload(clone, first, options.features, options))
  } catch (error) {
    if (!(error instanceof SnapError && error.code === 'CANNOT_EXECUTE')) throw error
    findings.push({
      severity: 'info',
      code: 'not-executed',
      message: `the guest was not run: ${error.message}`,
      hint: 'the registers were replayed and compared all the same',
    })
    return undefined
  }
}

async function loadMemory(vm: EmulatorVm, snapshot: Snapshot, { signal, progress }: Work): Promise<void> {
  const total = snapshot.memory.reduce((sum, region) => sum + region.size, 0)
  let before = 0
  for (const region of snapshot.memory) {
    for await (const { offset, data } of region.chunks(signal)) {
      await vm.writeMemory(region.start + BigInt(offset), data)
      progress?.({ label: 'loading memory', done: before + offset + data.length, total, unit: 'bytes' })
    }
    before += region.size
  }
}
