// Owns the cases about the comfortable form, Backend: the same over the emulated machine, over its verbs and over a real host.
import { featureMask } from '../../src/arch/features.ts'
import { PC_ID, type RegId, sysRegId } from '../../src/arch/reg-id.ts'
import type { Backend, BackendVcpu, BackendVm, VmOptions } from '../../src/backends/backend.ts'
import type { VcpuSnapshot } from '../../src/model/snapshot.ts'
import { capture } from '../../src/ops/capture.ts'
import { observeByPayload, PAYLOAD_MEMORY } from '../../src/ops/observe.ts'
import { getU64, setU64 } from '../../src/ops/one-register.ts'
import { GUEST_WORDS } from '../../src/ops/probe/guest-words.ts'
import { prepareVcpus, type ReplayOptions, readAll, replayVcpu } from '../../src/ops/replay.ts'
import { type ContractCase, hex, type Report } from './contract.ts'
import { fw, IPA, MEMORY, MMIO, PIECE, RUNNING, X } from './rig.ts'

type BackendCase = ContractCase<Backend>

const FEATURE_SETS = [
  { name: 'psci02', features: ['psci_0_2'], gic: 'none' },
  { name: 'psci02 with a GICv3', features: ['psci_0_2'], gic: 'v3' },
  { name: 'psci01', features: [], gic: 'none' },
  { name: 'sve', features: ['psci_0_2', 'sve'], gic: 'none' },
  { name: 'pmu', features: ['psci_0_2', 'pmu_v3'], gic: 'v3' },
  { name: 'pauth', features: ['psci_0_2', 'ptrauth_address', 'ptrauth_generic'], gic: 'none' },
  { name: 'all', features: ['psci_0_2', 'pmu_v3', 'sve', 'ptrauth_address', 'ptrauth_generic'], gic: 'v3' },
] as const
type FeatureSet = (typeof FEATURE_SETS)[number]
const BASE = FEATURE_SETS[0]

const BLIND: ReplayOptions = { omit: new Set(), rawOrder: false }
const RAM = [{ start: IPA, size: MEMORY }]
const word = (words: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer)

async function withVm<T>(backend: Backend, options: VmOptions, use: (vm: BackendVm) => Promise<T>): Promise<T> {
  const vm = await backend.createVm(options)
  try {
    return await use(vm)
  } finally {
    await vm.close()
    await vm.close()
  }
}

/** Two vCPUs of the set, ready; undefined where the host does not offer it. */
async function vcpus(vm: BackendVm, { features }: FeatureSet): Promise<readonly BackendVcpu[] | undefined> {
  const made = [await vm.createVcpu(0), await vm.createVcpu(1)]
  for (const vcpu of made) if ((await vcpu.init(features)) !== 0) return undefined
  if (featureMask(features) & featureMask(['sve'])) for (const vcpu of made) await vcpu.finalizeSve()
  await vm.finishSetup()
  return made
}

const save = (made: readonly BackendVcpu[], features: FeatureSet['features'], gic: FeatureSet['gic']) =>
  capture(made, { features, origin: { tool: 'contract' }, gic, stop: 'running', vm: {}, devices: [], memory: [] } as never)

/** Loads the recorded guest and starts vCPU 0 at `offset`. */
async function start(vm: BackendVm, vcpu: BackendVcpu, offset: number, x0 = 0n): Promise<void> {
  for (const [at, words] of GUEST_WORDS) await vm.writeMemory(IPA + BigInt(at), word(words))
  await vm.writeMemory(IPA + BigInt(PIECE.spin), word([0x1400_0000]))
  await setU64(vcpu, X(19) as RegId, MMIO)
  await setU64(vcpu, X(0) as RegId, x0)
  await setU64(vcpu, PC_ID, IPA + BigInt(offset))
}

async function replay(backend: Backend, set: FeatureSet, saved: readonly VcpuSnapshot[], { must, saw }: Report, what: string): Promise<void> {
  await withVm(backend, { gic: set.gic, memory: RAM }, async vm => {
    const { vcpus: targets, failed, vlsErrno } = await prepareVcpus(vm, saved, set.features, BLIND)
    must(`${what}: prepared`, failed, undefined)
    for (const [i, target] of targets.entries()) {
      const { refused, differences, missingOnTarget, newOnTarget, vanished, written } = await replayVcpu(target, saved[i]!, BLIND, vlsErrno.get(i))
      saw(`${what}: vCPU ${i} writes`, written)
      saw(`${what}: vCPU ${i} refused`, refused.map(({ id, errno }) => `${hex(id)}:${errno}`).join(' '))
      saw(
        `${what}: vCPU ${i} reads back otherwise`,
        differences
          .filter(({ id }) => !RUNNING.has(id))
          .map(({ id }) => hex(id))
          .join(' '),
      )
      must(`${what}: the same registers`, [missingOnTarget.length, newOnTarget.length, vanished.length], [0, 0, 0])
    }
  })
}

export const backendCases: readonly BackendCase[] = [
  ...FEATURE_SETS.map(set => ({
    name: `${set.name}: a blind replay between two VMs of one host refuses nothing`,
    run: (backend: Backend, report: Report) =>
      withVm(backend, { gic: set.gic, memory: RAM }, async vm => {
        const made = await vcpus(vm, set)
        report.saw('offered', made !== undefined)
        if (!made) return
        const { vcpus: saved } = await save(made, set.features, set.gic)
        await withVm(backend, { gic: set.gic, memory: RAM }, async other => {
          const { vcpus: targets, failed, vlsErrno } = await prepareVcpus(other, saved, set.features, BLIND)
          report.must('prepared', failed, undefined)
          for (const [i, target] of targets.entries()) {
            const done = await replayVcpu(target, saved[i]!, BLIND, vlsErrno.get(i))
            report.must(
              `vCPU ${i}: refused`,
              done.refused.map(({ id, errno }) => `${hex(id)}:${errno}`),
              [],
            )
          }
        })
        await replay(backend, set, saved, report, 'once more')
      }),
  })),
  ...([FEATURE_SETS[0], FEATURE_SETS[1]] as const).map(set => ({
    name: `${set.name}: a replay of a VM that has run`,
    run: (backend: Backend, report: Report) =>
      withVm(backend, { gic: set.gic, memory: RAM }, async vm => {
        const made = (await vcpus(vm, set))!
        await start(vm, made[0]!, 0, 0x8400_0000n)
        report.must('it runs', (await made[0]!.run({ milliseconds: 1500, budget: 5000 })).kind, 'mmio')
        const { vcpus: saved } = await save(made, set.features, set.gic)
        await replay(backend, set, saved, report, 'into a fresh one')
      }),
  })),
  {
    name: 'values of all registers come in one piece, in the order asked, errnos beside them',
    run: (backend, { must }) =>
      withVm(backend, { gic: 'none' }, async vm => {
        const [vcpu] = (await vcpus(vm, BASE))!
        const ids = BigUint64Array.of(fw(0), fw(0x77), 0x6040_0000_0010_0054n, 0x6020_0000_0010_00d4n, fw(0))
        const { bytes, errnos } = await vcpu!.getRegs(ids)
        must('errnos', [...errnos], [0, 2, 0, 0, 0])
        must('bytes', bytes.length, 8 + 8 + 16 + 4 + 8)
        must('the same at both ends', [...bytes.subarray(0, 8)], [...bytes.subarray(36)])
        must('nothing for none', [...bytes.subarray(8, 16)], new Array(8).fill(0))
        bytes.fill(7, 16, 32)
        must('writes', [...(await vcpu!.setRegs(ids, bytes))], [0, 2, 0, 0, 0])
        must('held', [...(await vcpu!.getRegs(ids.subarray(2, 3))).bytes], new Array(16).fill(7))
        must('a list', (await readAll(vcpu!)).ids.length, (await vcpu!.regList()).ids.length)
      }),
  },
  {
    name: 'states and events by name',
    run: (backend, { must }) =>
      withVm(backend, { gic: 'none' }, async vm => {
        const [vcpu] = (await vcpus(vm, BASE))!
        must('at first', await vcpu!.getMpState(), 'runnable')
        must('stopped', [await vcpu!.setMpState('stopped'), await vcpu!.getMpState()], [0, 'stopped'])
        const events = await vcpu!.getEvents()
        must('no event', [events.serrorPending, events.extDabtPending], [false, false])
      }),
  },
  {
    name: 'memory is written, read, and not beyond its end',
    run: (backend, { must }) =>
      withVm(backend, { gic: 'none', memory: [...RAM, { start: IPA + 0x100_0000n, size: 4096 }] }, async vm => {
        await vm.writeMemory(IPA + 0xfffen, Uint8Array.of(1, 2))
        must('the end', [...(await vm.readMemory(IPA + 0xfffcn, 4))], [0, 0, 1, 2])
        for (const [at, length] of [
          [IPA + 0xffffn, 2],
          [IPA - 1n, 1],
          [0n, 1],
        ] as const)
          must(`${hex(at)}`, await failure(vm.readMemory(at, length)), 'USAGE')
        await vm.writeMemory(IPA + 0x100_0000n, Uint8Array.of(9))
        must('another region', [...(await vm.readMemory(IPA + 0x100_0000n, 1))], [9])
      }),
  },
  {
    name: 'a guest runs to its exit, its limit, or its signal',
    run: (backend, { must }) =>
      withVm(backend, { gic: 'none', memory: RAM }, async vm => {
        const [vcpu, other] = (await vcpus(vm, BASE))!
        await start(vm, vcpu!, 0x400, 0x1234n)
        const stop = await vcpu!.run({ milliseconds: 1500, budget: 5000 })
        must('a store', stop, { kind: 'mmio', address: MMIO, size: 8, write: true, data: 0x1234n })
        await setU64(vcpu!, PC_ID, IPA + BigInt(PIECE.spin) - 4n)
        must('a loop', (await vcpu!.run({ milliseconds: 40, budget: 5000 })).kind, 'budget')
        must('at its place', await getU64(vcpu!, PC_ID), IPA + BigInt(PIECE.spin))
        await other!.setMpState('stopped')
        must('one that is off', ['budget', 'blocked'].includes((await other!.run({ milliseconds: 40, budget: 5000 })).kind), true)
        must('a signal that has been given', await failure(vcpu!.run({ milliseconds: 40, signal: AbortSignal.abort() })), 'AbortError')
        await setU64(vcpu!, X(0) as RegId, 0x8400_0008n)
        await setU64(vcpu!, PC_ID, IPA)
        const off = await vcpu!.run({ milliseconds: 1500, budget: 5000 })
        must('off', [off.kind, off.kind === 'system-event' && off.type], ['system-event', 1])
      }),
  },
  {
    name: 'the payload asks the firmware in a clone',
    run: (backend, { must, saw }) =>
      withVm(backend, { gic: 'none', memory: PAYLOAD_MEMORY }, async vm => {
        const [vcpu] = (await vcpus(vm, BASE))!
        must('PSCI 0.2', [...(await vcpu!.setRegs(BigUint64Array.of(fw(0)), new Uint8Array(BigUint64Array.of(2n).buffer)))], [0])
        const seen = await observeByPayload(vm, vcpu!, BASE.features, {})
        must('the guest sees it', [seen?.psci, seen?.via], ['0.2', 'payload'])
        saw('SCTLR_EL1', hex((await getU64(vcpu!, sysRegId(3, 0, 1, 0, 0))) ?? 0n))
      }),
  },
  {
    name: 'capabilities come before vCPUs, whatever the VM has beside them',
    run: async (backend, { saw }) => {
      for (const options of [{ systemSuspend: true }, { writableImpIdRegs: true }, { systemSuspend: true, writableImpIdRegs: true, memory: RAM }])
        saw(
          JSON.stringify(Object.keys(options)),
          await withVm(backend, { gic: 'v3', ...options }, async vm => ((await vcpus(vm, BASE)) ? 'made' : 'not made')).catch(
            (error: { readonly code?: string }) => (error.code === 'KERNEL_REFUSED' || error.code === 'BUILD_UNUSABLE' ? 'refused' : String(error)),
          ),
        )
    },
  },
  {
    name: "filter and counter offset are the VM's",
    run: (backend, { saw }) =>
      withVm(backend, { gic: 'none' }, async vm => {
        saw('filter', await vm.setSmcccFilter({ base: 0x8400_0000, count: 1, action: 'deny' }))
        saw('overlap', await vm.setSmcccFilter({ base: 0x8400_0000, count: 1, action: 'forward' }))
        saw('offset', await vm.setCounterOffset(0x1000n))
        saw('IPA', (await vm.checkExtension(87)) > 0)
      }),
  },
]

async function failure(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => 'nothing',
    (error: { readonly code?: string; readonly name: string }) => (typeof error.code === 'string' ? error.code : error.name),
  )
}
