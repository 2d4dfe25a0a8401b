// Owns `save` of the built-in guest on a build or on the kernel of this host: boot it, run it to a point, write what there is. Prints nothing.
import { type Feature, featureMask } from '../arch/features.ts'
import { parsePsciVersion, showPsciVersion } from '../arch/psci.ts'
import { PC_ID } from '../arch/reg-id.ts'
import type { BackendVcpu } from '../backends/backend.ts'
import { GUEST_LAYOUT } from '../emulator/board/guest/layout.ts'
import type { GuestParams } from '../emulator/board/guest/params.ts'
import { probeGuest } from '../emulator/board/guest/probe.ts'
import { COUNTER_HZ, RAM_BASE } from '../emulator/board/memory-map.ts'
import { SnapError } from '../errors.ts'
import { exportFormat, writeSnapshotFile } from '../formats/exporters.ts'
import type { Finding } from '../model/finding.ts'
import type { Gic, Snapshot } from '../model/snapshot.ts'
import { type BackendOptions, withLiveHost } from './backend-choice.ts'
import { applyBaseline, applyVectorLengths } from './baseline/apply-baseline.ts'
import type { Baseline } from './baseline/baseline.ts'
import { capture } from './capture.ts'
import { type EndState, endState } from './end-state.ts'
import type { LiveHost, LiveVm, PerUnit } from './live/live-host.ts'
import { copied } from './memory-copy.ts'
import { createVcpus, pinPsci } from './new-guest.ts'
import { readGuestReport } from './observe.ts'
import { setU64 } from './one-register.ts'
import type { SaveReport } from './reports.ts'
import { type BootedOptions, withBootedGuest } from './run/saved-guest.ts'
import { savedPsci } from './saved-psci.ts'
import type { Work } from './work.ts'

/** `ready`: the guest has asked everything once on all vCPUs. `insns=N`: after N instructions, on the built-in machine only. The others: the guest makes that call and it is saved then. */
export type SavePoint = { readonly kind: 'ready' | 'hibernate' | 'off' | 'suspend' | 'reset' } | { readonly kind: 'insns'; readonly count: number }

export interface SaveOptions extends Work, BackendOptions {
  /** 1 to 64, default 2. */
  readonly vcpus?: number
  /** `X.Y`, written before the first run. */
  readonly psci?: string
  /** Registers that are written before the first run; its features and GIC are the default then. */
  readonly baseline?: Baseline
  /** Default: psci_0_2, on a real host pmu_v3 too where it has one for guests. */
  readonly features?: readonly Feature[]
  /** Default: v3; on a real host what it has. */
  readonly gic?: Gic
  readonly until?: SavePoint
  /** Bytes of guest memory, a multiple of 1 MiB; default 16 MiB. */
  readonly memory?: number
  /** A guest with a kernel of the user's instead of the built-in one: it says everything of itself, and where it is saved. */
  readonly guest?: BootedOptions
}

/** KVM's default for a VM of type 0 (Documentation/virt/kvm/api.rst, KVM_CREATE_VM). */
const IPA_BITS = 40
/** KVM_CAP_ARM_VM_IPA_SIZE; a host that has no 40 bits gives what it has. */
const CAP_IPA_SIZE = 165
const DEFAULT_MEMORY = 16 << 20
const MIB = 1 << 20
/** What the guest may take to get where it is going, for each vCPU; a round of its questions takes some ten thousand instructions a vCPU. */
const MOST_PER_VCPU: PerUnit = { instructions: 200_000_000, milliseconds: 15_000 }
/** Between two looks at the guest's report: waiting for `ready`, and for a call that ends it. */
const READY_SLICE: PerUnit = { instructions: 20_000, milliseconds: 20 }
const SLICE: PerUnit = { instructions: 20_000_000, milliseconds: 200 }
/** CNTFRQ_EL0 as an encoding of the guest's report. */
const CNTFRQ = (3 << 14) | (3 << 11) | (14 << 7)

/** Parses `--until`. Throws USAGE. */
export function parseSavePoint(text: string): SavePoint {
  const insns = /^insns=(\d{1,15})$/.exec(text)
  if (insns) return { kind: 'insns', count: Number(insns[1]) }
  const kind = (['ready', 'hibernate', 'off', 'suspend', 'reset'] as const).find(each => each === text)
  if (!kind)
    throw new SnapError('USAGE', `"${text.slice(0, 60)}" is no point to save at`, {}, { hint: 'points: ready, insns=N, hibernate, off, suspend, reset' })
  return { kind }
}

/** Boots, runs and writes. Throws BUILD_UNKNOWN, BUILD_UNUSABLE, BACKEND_ABSENT, KERNEL_REFUSED, OUTPUT_EXISTS, CANNOT_WRITE and what else stops the work. */
export async function save(output: string, options: SaveOptions & { readonly format?: string; readonly overwrite?: boolean }): Promise<SaveReport> {
  if (output !== '-' || options.format !== undefined) exportFormat(output, options.format) // a name that cannot be written is said before the guest runs
  const format = options.format ?? (output === '-' ? 'psnap' : undefined)
  return withSavedGuest(options, async ({ snapshot, console, unit, spent, host, findings = [] }) => {
    const written = await writeSnapshotFile(snapshot, output, {
      ...(format === undefined ? {} : { format }),
      force: options.overwrite ?? false,
      ...(options.signal ? { signal: options.signal } : {}),
      onProgress: (done, total) => options.progress?.({ label: 'writing', done, total, unit: 'bytes' }),
    })
    const psci = savedPsci(snapshot)
    return {
      file: output,
      build: host,
      vcpus: snapshot.vcpus.length,
      features: snapshot.vcpus[0]?.features ?? [],
      gic: snapshot.gic,
      psci: psci === undefined ? null : showPsciVersion(psci),
      stop: snapshot.stop,
      ...(unit === 'instructions' ? { instructions: spent } : { milliseconds: spent }),
      console,
      findings: [...findings, ...written.findings],
    }
  })
}

/** The same without a file. `instructions` is 0 where nothing counts them. */
export async function saveSnapshot(options: SaveOptions): Promise<{ readonly snapshot: Snapshot; readonly console: string; readonly instructions: number }> {
  return withSavedGuest(options, async ({ snapshot, console, unit, spent }) => ({
    // A real VM takes its memory with it when it is closed.
    snapshot: unit === 'instructions' ? snapshot : { ...snapshot, memory: await Promise.all(snapshot.memory.map(copied)) },
    console,
    instructions: unit === 'instructions' ? spent : 0,
  }))
}

interface SavedGuest {
  /** Its memory is the VM's own. */
  readonly snapshot: Snapshot
  readonly console: string
  readonly unit: LiveVm['unit']
  readonly spent: number
  readonly host: string
  readonly findings?: readonly Finding[]
}

/** Gives `use` the saved guest while its VM is still there. */
async function withSavedGuest<T>(options: SaveOptions, use: (saved: SavedGuest) => Promise<T>): Promise<T> {
  if (options.guest) {
    if (options.baseline) throw new SnapError('USAGE', 'a baseline is for the built-in guest')
    const { guest, until: _until, vcpus: _vcpus, memory: _memory, baseline: _baseline, ...rest } = options
    return withBootedGuest({ ...rest, ...guest }, use)
  }
  const { baseline } = options
  const { vcpus: count = 2, until = { kind: 'ready' }, memory = DEFAULT_MEMORY } = options
  if (!Number.isInteger(memory / MIB) || memory < GUEST_LAYOUT.ramBytes)
    throw new SnapError('USAGE', `the built-in guest needs ${GUEST_LAYOUT.ramBytes / MIB} MiB of memory or more, in whole MiB`)
  if (options.backend === 'kvm' && until.kind === 'insns')
    throw new SnapError('USAGE', 'a real CPU does not count instructions', {}, { hint: 'points on --backend kvm: ready, hibernate, off, suspend, reset' })
  return withLiveHost(options, async host => {
    const features = options.features ?? baseline?.features ?? host.usual.features
    const gic = options.gic ?? baseline?.gic ?? host.usual.gic
    if (baseline) agree(baseline, { ...options, features, gic })
    const vm = await host.createVm({
      gic,
      board: true,
      memory: [{ start: RAM_BASE, size: memory }],
      ...(until.kind === 'suspend' ? { systemSuspend: true } : {}),
    })
    try {
      const vcpus = await probeVcpus(vm, count, features, host, baseline)
      if (baseline) await applyBaseline(vcpus, baseline, host.name)
      if (options.psci !== undefined) await pinPsci(vcpus[0]!, options.psci, host)
      const action = ACTIONS[until.kind]
      await boot(vm, vcpus[0]!, { vcpus: count, ...(action ? { action } : {}) })
      const end = await runTo(vm, vcpus, until, options)
      const snapshot = await captured(vm, vcpus, host, { features, gic, until }, end)
      return await use({ snapshot, console: vm.console(), unit: vm.unit, spent: vm.spent, host: host.name })
    } finally {
      await vm.close()
    }
  })
}

type Wanted = Required<Pick<SaveOptions, 'features' | 'gic' | 'until'>>

async function captured(vm: LiveVm, vcpus: readonly BackendVcpu[], host: LiveHost, { features, gic, until }: Wanted, end: EndState): Promise<Snapshot> {
  const machine = vm.machineState()
  const frequency = host.kind === 'emulator' ? COUNTER_HZ : await frequencySeen(vm)
  return capture(vcpus, {
    features,
    origin: host.origin,
    gic,
    stop: end.stop,
    vm: {
      systemSuspend: until.kind === 'suspend',
      writableImpIdRegs: false,
      smcccFilter: [],
      ...(frequency === undefined ? {} : { counterFrequency: frequency }),
      ipaBits: host.kind === 'emulator' ? IPA_BITS : Math.min(IPA_BITS, (await vm.checkExtension(CAP_IPA_SIZE)) || IPA_BITS),
      ...(end.arguments ? { stopArguments: end.arguments } : {}),
    },
    devices: vm.devices(),
    memory: vm.memory(),
    ...(machine ? { machine } : {}),
  })
}

/** What the guest read in CNTFRQ_EL0, which KVM tells nobody else. */
async function frequencySeen(vm: LiveVm): Promise<number | undefined> {
  const seen = (await readGuestReport(vm))?.registers.find(({ encoding }) => encoding === CNTFRQ)?.boot
  return seen === undefined || seen === 0n ? undefined : Number(seen)
}

const ACTIONS: Readonly<Partial<Record<SavePoint['kind'], NonNullable<GuestParams['action']>>>> = {
  hibernate: 'hibernate',
  off: 'off',
  suspend: 'suspend',
  reset: 'reset',
}

async function probeVcpus(vm: LiveVm, count: number, features: readonly Feature[], host: LiveHost, baseline?: Baseline): Promise<readonly BackendVcpu[]> {
  if (!Number.isInteger(count) || count < 1 || count > GUEST_LAYOUT.maxVcpus)
    throw new SnapError('USAGE', `the built-in guest has 1 to ${GUEST_LAYOUT.maxVcpus} vCPUs, not ${count}`)
  return createVcpus(vm, count, features, host, async vcpu => {
    if (baseline) await applyVectorLengths(vcpu, baseline, host.name)
  })
}

/** What is asked for besides a baseline must not contradict it. */
function agree(baseline: Baseline, { psci, features, gic }: { readonly psci?: string; readonly features: readonly Feature[]; readonly gic: Gic }): void {
  const against = (what: string, given: string, wanted: string): SnapError =>
    new SnapError(
      'USAGE',
      `the baseline is for ${what} ${wanted || 'none'}, not ${given || 'none'}`,
      {},
      { hint: 'leave the option out: the baseline says it' },
    )
  if (psci !== undefined && parsePsciVersion(psci) !== parsePsciVersion(baseline.psci)) throw against('PSCI', psci, baseline.psci)
  if (featureMask(features) !== featureMask(baseline.features)) throw against('the vCPU features', features.join(' '), baseline.features.join(' '))
  if (gic !== baseline.gic) throw against('the GIC', gic, baseline.gic)
}

async function boot(vm: LiveVm, vcpu: BackendVcpu, params: GuestParams): Promise<void> {
  const guest = await probeGuest(params)
  for (const { address, bytes } of guest.parts) await vm.writeMemory(address, bytes)
  await setU64(vcpu, PC_ID, guest.entry)
}

async function runTo(vm: LiveVm, vcpus: readonly BackendVcpu[], until: SavePoint, work: Work): Promise<EndState> {
  const { unit } = vm
  const limit = until.kind === 'insns' ? until.count : MOST_PER_VCPU[unit] * vcpus.length
  const slice = until.kind === 'ready' ? READY_SLICE[unit] : SLICE[unit]
  for (;;) {
    const left = limit - vm.spent
    if (left <= 0) {
      if (until.kind === 'insns') return { stop: 'running' }
      throw new SnapError('CANNOT_EXECUTE', `the guest did not get to "${until.kind}" within ${limit} ${unit}`, {}, { hint: unreachable(until.kind) })
    }
    work.progress?.({ label: 'the guest runs', done: vm.spent, unit })
    const stop = await vm.runFor(Math.min(left, slice), work.signal)
    if (stop.kind === 'exit') return endState(stop.exit, stop.vcpu, vcpus)
    if (stop.kind === 'idle')
      throw new SnapError('CANNOT_EXECUTE', 'the guest waits for something that never happens', {}, { hint: 'this is a bug in psci-snap; please report it' })
    if (until.kind === 'ready') {
      const report = await readGuestReport(vm)
      if (report && report.generation >= 1n && report.vcpus.length >= vcpus.length && report.vcpus.every(vcpu => vcpu.rounds > 0n)) return { stop: 'running' }
    } else if (until.kind !== 'insns') {
      const report = await readGuestReport(vm)
      if (report?.action.returned !== undefined)
        throw new SnapError(
          'BUILD_UNUSABLE',
          `the guest's call for "${until.kind}" came back with 0x${report.action.returned.toString(16)}: its firmware does not offer that`,
          {},
          { hint: unreachable(until.kind) },
        )
    }
  }
}

const unreachable = (kind: SavePoint['kind']): string =>
  kind === 'hibernate'
    ? 'SYSTEM_OFF2 needs PSCI 1.3: choose linux-6.16 or later, or leave --psci out'
    : kind === 'suspend'
      ? 'SYSTEM_SUSPEND needs PSCI 1.0 and a kernel with KVM_CAP_ARM_SYSTEM_SUSPEND'
      : 'the guest needs the feature psci_0_2'
