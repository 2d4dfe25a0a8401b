// Editing changes what was asked for and nothing else, in every release.
import { describe, expect, test } from 'vitest'
import type { RegId } from '../../../../src/arch/reg-id.ts'
import { editVmstate, type VmstateEdit } from '../../../../src/formats/importers/firecracker/edit.ts'
import { RELEASES } from '../../../../src/formats/importers/firecracker/releases.ts'
import { readVmstate } from '../../../../src/formats/importers/firecracker/vmstate.ts'
import { BytesSink } from '../../../../src/formats/output/sink.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { bigintToBytes } from './bytes.ts'
import { fixCrc, MPIDR, makeVmstate, PC, PSCI, smallVm, someRegisters, V0, VLS } from './make-vmstate.ts'

const id = (raw: bigint): RegId => raw as RegId
const BITMAP = id(0x6030_0000_0016_0000n)
const rows = RELEASES.map(release => [`${release.version} of ${release.releases[0]}`, release] as const)
const edit = async (bytes: Uint8Array, edits: readonly VmstateEdit[]) => {
  const sink = new BytesSink()
  const report = await editVmstate(bytesSource(bytes, 'guest.vmstate'), edits, sink)
  return { ...report, bytes: sink.bytes() }
}
const set = (raw: bigint, value: bigint, size = 8, vcpu?: number): VmstateEdit => ({
  kind: 'set',
  id: id(raw),
  value: bigintToBytes(value, size),
  ...(vcpu === undefined ? {} : { vcpu }),
})

describe.each(rows)('%s', (_name, release) => {
  const bytes = makeVmstate(release)
  const narrow = release.traits.registers === 'u64'

  test('no edit, no change', async () => {
    expect(await edit(bytes, [])).toEqual({ changes: [], findings: [], bytes })
    expect(await edit(bytes, [set(PSCI, 0x1_0001n)])).toEqual({ changes: [], findings: [], bytes })
  })

  test('another PSCI version is one byte for each vCPU, and the checksum', async () => {
    const edited = await edit(bytes, [set(PSCI, 0x1_0000n)])
    expect(edited.bytes.length).toBe(bytes.length)
    const differing = [...bytes.keys()].filter(i => bytes[i] !== edited.bytes[i] && i < bytes.length - 8)
    expect(differing.map(i => [bytes[i], edited.bytes[i]])).toEqual([
      [1, 0],
      [1, 0],
    ])
    expect(edited.bytes).toEqual(fixCrc(edited.bytes))
    expect(edited.changes).toEqual([0, 1].map(vcpu => ({ vcpu, id: PSCI, before: bigintToBytes(0x1_0001n, 8), after: bigintToBytes(0x1_0000n, 8) })))
  })

  test('back again it is the same file', async () => {
    const there = await edit(bytes, [set(PSCI, 0x3_0000n), set(PC, 0n)])
    const back = await edit(there.bytes, [set(PSCI, 0x1_0001n), set(PC, 0xffff_8000_1234_5678n, 8, 0), set(PC, 0xffff_8000_1234_5679n, 8, 1)])
    expect(back.bytes).toEqual(bytes)
  })

  test('dropping and adding give the file that would have been saved like that', async () => {
    const without = [0, 1].map(vcpu => someRegisters(vcpu).filter(([raw]) => raw !== V0))
    const dropped = await edit(bytes, [{ kind: 'drop', id: id(V0) }])
    expect(dropped.bytes).toEqual(makeVmstate(release, { ...smallVm, vcpus: without }))
    const added = await edit(dropped.bytes, [{ kind: 'add', id: BITMAP, value: bigintToBytes(1n, 8) }])
    expect(added.bytes).toEqual(makeVmstate(release, { ...smallVm, vcpus: without.map(list => [...list, [BITMAP, 1n] as const]) }))
  })

  test('every register of a vCPU can go', async () => {
    const { bytes: empty } = await edit(
      bytes,
      someRegisters(1).map(([raw]) => ({ kind: 'drop', id: id(raw), vcpu: 1 })),
    )
    expect(empty).toEqual(makeVmstate(release, { ...smallVm, vcpus: [someRegisters(0), []] }))
    expect(readVmstate(empty, 'x', release.releases[0]).devices).toEqual(smallVm.devices)
  })

  test('a vector register', async () => {
    const wide = 0xfedc_ba98_7654_3210_0123_4567_89ab_cdefn
    const write = edit(bytes, [set(V0, wide, 16, 0)])
    if (narrow) await expect(write).rejects.toMatchObject({ code: 'FORMAT_UNWRITABLE', message: expect.stringContaining('keeps 64 bits') })
    else {
      const expected = [someRegisters(0).map(([raw, value]) => [raw, raw === V0 ? wide : value] as const), someRegisters(1)]
      expect((await write).bytes).toEqual(makeVmstate(release, { ...smallVm, vcpus: expected }))
    }
  })
})

const sample = makeVmstate(RELEASES.find(({ version }) => version === '9.0.0')!)

test.each<[string, VmstateEdit, string, RegExp]>([
  ['a register that no vCPU has', { kind: 'drop', id: BITMAP }, 'REGISTER_ABSENT', /no vCPU .* has KVM_REG_ARM_STD_BMAP \(0x6030000000160000\)/],
  ['a vCPU that is not there', set(PC, 0n, 8, 7), 'USAGE', /has no vCPU 7; it has 2/],
  ['a value of another size', set(PC, 0n, 4), 'REG_VALUE_INVALID', /has 8 bytes, the value has 4/],
  ['adding what is there', { kind: 'add', id: id(PC), value: bigintToBytes(0n, 8) }, 'USAGE', /has PC already/],
  ['a register that Firecracker cannot load', { kind: 'add', id: id(0x60a0_0000_0015_0000n), value: new Uint8Array(1024) }, 'FORMAT_UNWRITABLE', /at most 256/],
])('%s is refused, and nothing is written', async (_name, bad, code, message) => {
  const sink = new BytesSink()
  await expect(editVmstate(bytesSource(sample), [bad], sink)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  expect(sink.bytes().length).toBe(0)
})

test('a register that only some vCPUs have is changed there, and that is said', async () => {
  const release = RELEASES.find(({ version }) => version === '9.0.0')!
  const bytes = makeVmstate(release, { vcpus: [someRegisters(0), [[PC, 1n]]] })
  const { changes, findings } = await edit(bytes, [set(PSCI, 2n)])
  expect(changes.map(({ vcpu }) => vcpu)).toEqual([0])
  expect(findings).toEqual([expect.objectContaining({ severity: 'warning', code: 'register-absent', vcpu: 1, register: 'KVM_REG_ARM_PSCI_VERSION' })])
})

test('setting MPIDR_EL1 says that the file has it twice', async () => {
  const { findings } = await edit(sample, [set(MPIDR, 0x8000_0005n, 8, 0)])
  expect(findings).toEqual([expect.objectContaining({ code: 'mpidr-differs', vcpu: 0 })])
})

test('a register that is there twice is set twice', async () => {
  const release = RELEASES.find(({ version }) => version === '6.0.0')!
  const bytes = makeVmstate(release, {
    ...smallVm,
    vcpus: [
      [
        [PC, 1n],
        [PSCI, 5n],
        [PC, 2n],
      ],
    ],
  })
  const { bytes: out, changes } = await edit(bytes, [set(PC, 3n)])
  expect(changes.map(({ before }) => before?.[0])).toEqual([1, 2])
  expect(out).toEqual(
    makeVmstate(release, {
      ...smallVm,
      vcpus: [
        [
          [PC, 3n],
          [PSCI, 5n],
          [PC, 3n],
        ],
      ],
    }),
  )
})

test('a file that Firecracker would have packed differently is not written', async () => {
  // The version column stays; the first column of the state, memory size 2 MiB, is spelled out in full instead of in one byte.
  const body = Buffer.from(sample.subarray(0, -8))
  const at = 1 + 8 + 1 + '9.0.0'.length
  expect([...body.subarray(at, at + 2)]).toEqual([6, 2])
  const spelledOut = Buffer.concat([body.subarray(0, at), Uint8Array.of(0, 2, 0, 0, 0, 0, 0, 0, 0), body.subarray(at + 2), new Uint8Array(8)])
  const bytes = fixCrc(spelledOut)
  expect(readVmstate(bytes, 'x').state.vmInfo.memSizeMib).toBe(2n)
  await expect(edit(bytes, [set(PSCI, 2n)])).rejects.toMatchObject({ code: 'FORMAT_UNWRITABLE', at: { offset: at } })
})

test('an SVE vCPU keeps what is not edited', async () => {
  const release = RELEASES.find(({ version }) => version === '10.0.0')!
  const z0 = 0x6080_0000_0015_0000n
  const registers = [
    [PC, 1n],
    [z0, (1n << 2047n) + 1n],
    [VLS, 3n],
    [PSCI, 5n],
  ] as const
  const { bytes } = await edit(makeVmstate(release, { ...smallVm, vcpus: [registers] }), [set(PSCI, 6n)])
  expect(bytes).toEqual(makeVmstate(release, { ...smallVm, vcpus: [registers.map(([raw, value]) => [raw, raw === PSCI ? 6n : value] as const)] }))
})
