// Owns one restore of a snapshot with one set of vCPU features into a fresh VM: prepare, replay, judge, run on. restore.ts chooses the features.
import { errnoName } from '../arch/errno.ts'
import type { Feature } from '../arch/features.ts'
import { PSCI_VERSION_ID } from '../arch/smccc.ts'
import type { BackendVcpu, BackendVm } from '../backends/backend.ts'
import { savedPlaces } from '../emulator/board/devices.ts'
import { SnapError } from '../errors.ts'
import type { Finding } from '../model/finding.ts'
import { registerValue } from '../model/register-list.ts'
import type { DeviceSnapshot, Snapshot } from '../model/snapshot.ts'
import { capture } from './capture.ts'
import type { GuestInFile } from './guest-in-file.ts'
import type { LiveHost, LiveVm, LiveVmOptions, Surroundings } from './live/live-host.ts'
import { type Observation, observeByPayload, observeGuest, PAYLOAD_MEMORY } from './observe.ts'
import { getU64, setU64 } from './one-register.ts'
import { isRefusal, type Prepared, prepareVcpus, type ReplayOptions, replayVcpu, type VcpuReplay } from './replay.ts'
import type { VcpuReport, Verdict } from './reports.ts'
import { savedPsci } from './saved-psci.ts'
import type { ServiceKnowledge } from './source-services.ts'
import { CHANGES, judge } from './verdict.ts'
import type { Work } from './work.ts'

export interface AttemptOptions extends Work, ReplayOptions {
  readonly features: readonly Feature[]
  readonly pinned: bigint | undefined
  readonly knowledge: ServiceKnowledge
  readonly run: RunMode
  readonly force: boolean
  /** Ask by the payload even after a refusal: what a VMM that ignores errors gives its guest. */
  readonly askAnyway: boolean
  readonly guest: GuestInFile
  /** What surrounds a guest that will run on: disks, a listener to its console. */
  readonly surroundings?: Surroundings
  readonly onFirmware?: NonNullable<LiveVmOptions['onFirmware']>
}

/** What may run after the replay: nothing, code of ours only (the built-in guest byte for byte, else the payload), or whatever claims to be the built-in guest. */
export type RunMode = 'nothing' | 'ours' | 'any'

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
  /** The VM with its memory in place, to be run on: its memory is there on the built-in machine, and where the guest was to run. */
  live(): Promise<{ readonly vm: LiveVm; readonly vcpus: readonly BackendVcpu[] }>
  /** The VM as it is now, as a snapshot. Its memory is read from the VM, or from the source when the guest did not run. Valid until `close`. */
  capture(): Promise<Snapshot>
  /** Throws the VM away. */
  close(): Promise<void>
}

/** Restores into a fresh VM. Never throws for what the target refuses: that is the verdict. The caller closes the attempt; one that throws leaves nothing. */
export async function attemptRestore(host: LiveHost, snapshot: Snapshot, options: AttemptOptions): Promise<Attempt> {
  const isSameBuild = host.build !== undefined && snapshot.origin.build === host.build.name
  // On a real host memory that nothing will run in is not even mapped.
  const memory = host.kind === 'emulator' || mayRun(options) ? snapshot.memory : []
  const places = savedPlaces(snapshot.devices)
  const { vm, findings } = await makeVm(host, snapshot, {
    board: places.length > 0 && places,
    ...(options.surroundings ? { surroundings: options.surroundings } : {}),
    ...(options.onFirmware ? { onFirmware: options.onFirmware } : {}),
    memory,
    saved: { devices: snapshot.devices, ...(isSameBuild && snapshot.machine ? { machine: snapshot.machine } : {}) },
  })
  try {
    return await attemptIn(vm, host, snapshot, options, findings)
  } catch (error) {
    await vm.close()
    throw error
  }
}

const mayRun = ({ run, guest }: AttemptOptions): boolean => guest !== 'none' && (run === 'any' || (run === 'ours' && guest === 'ours'))

async function attemptIn(vm: LiveVm, host: LiveHost, snapshot: Snapshot, options: AttemptOptions, about: readonly Finding[]): Promise<Attempt> {
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
  const findings = [...about, ...judged.findings, ...replayed.findings]
  const refused = judged.verdict === 'refused' || [...about, ...replayed.findings].some(finding => finding.severity === 'error')
  const observation = prepared.failed ? undefined : await observe(host, vm, snapshot, options, findings, { refused, load })
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
      const machine = vm.machineState()
      return capture(prepared.vcpus, {
        features: options.features,
        origin: host.origin,
        gic: snapshot.gic,
        stop: snapshot.stop,
        vm: snapshot.vm,
        devices: ran ? [...vm.devices(), ...withoutPlace(snapshot.devices, vm.devices())] : snapshot.devices,
        memory: ran ? vm.memory() : snapshot.memory,
        ...(machine ? { machine } : {}),
        ...(snapshot.unknown ? { unknown: snapshot.unknown } : {}),
      })
    },
    close: () => vm.close(),
  }
}

/** A VM with the capabilities that the file names; one that lacks what the target does not have is a refusal, and shows the rest all the same. */
async function makeVm(
  host: LiveHost,
  snapshot: Snapshot,
  options: Omit<LiveVmOptions, 'gic'>,
): Promise<{ readonly vm: LiveVm; readonly findings: readonly Finding[] }> {
  const { gic, ...capabilities } = vmOptions(snapshot)
  try {
    return { vm: await host.createVm({ ...options, gic, ...capabilities }), findings: [] }
  } catch (error) {
    if (!isRefusal(error) || Object.keys(capabilities).length === 0) throw error
    return { vm: await host.createVm({ ...options, gic }), findings: [{ severity: 'error', code: 'capability-refused', message: error.message }] }
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
    findings.push({ severity: 'error', ...prepared.failed })
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

interface Moment {
  readonly refused: boolean
  readonly load: () => Promise<void>
}

/** By the guest itself when it runs, else by a payload in a clone. What cannot be executed is a finding, not a failure. */
async function observe(
  host: LiveHost,
  vm: LiveVm,
  snapshot: Snapshot,
  options: AttemptOptions,
  findings: Finding[],
  { refused, load }: Moment,
): Promise<Observation | undefined> {
  const goesOn = !refused || options.force
  if (options.run === 'nothing' || !(goesOn || options.askAnyway)) return undefined
  try {
    if (goesOn && mayRun(options)) {
      await load()
      const seen = await observeGuest(vm, options)
      if (seen) return seen
    } else if (goesOn && options.guest === 'claimed') findings.push(notOurs)
    const asked = await observeInClone(host, snapshot, options)
    if (goesOn && canRunOn(host, snapshot, options)) {
      await load()
      await vm.runFor(RUN_ON, options.signal)
    }
    return asked
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

/** What is saved under names that the VM has no device of: kept as it is. */
const withoutPlace = (saved: readonly DeviceSnapshot[], live: readonly DeviceSnapshot[]): readonly DeviceSnapshot[] =>
  saved.filter(({ name }) => !live.some(each => each.name === name))

/** Instructions that a guest with a kernel of the user's runs on for, so that its console is seen to go on. */
const RUN_ON = 1_000_000

/** A guest that tells nothing of itself but by its console: `run` is for more of it. */
const canRunOn = (host: LiveHost, { devices, memory, stop }: Snapshot, { run, guest }: AttemptOptions): boolean =>
  run === 'any' && guest === 'none' && host.kind === 'emulator' && stop === 'running' && memory.length > 0 && savedPlaces(devices).length > 0

const notOurs: Finding = {
  severity: 'info',
  code: 'guest-not-run',
  message: "the guest in the file was not run on this host: its code is not the built-in guest's, byte for byte",
  hint: '--run lets it run, for bounded time and without a device that reaches the host',
}

async function observeInClone(host: LiveHost, snapshot: Snapshot, options: AttemptOptions): Promise<Observation | undefined> {
  const { vm: clone } = await makeVm(host, snapshot, { memory: PAYLOAD_MEMORY })
  try {
    const { prepared } = await replayInto(clone, { ...snapshot, memory: [], devices: [] }, options)
    const [first] = prepared.vcpus
    return first && (await observeByPayload(clone, first, options.features, options))
  } finally {
    await clone.close()
  }
}

async function loadMemory(vm: LiveVm, snapshot: Snapshot, { signal, progress }: Work): Promise<void> {
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
