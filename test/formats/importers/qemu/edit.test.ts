// Editing a stream changes what was asked for and nothing else: checked against real streams and against those that were edited by other means.
import { describe, expect, test } from 'vitest'
import { SnapError } from '../../../../src/errors.ts'
import { editQemuStream, type RegisterEdit } from '../../../../src/formats/importers/qemu/edit.ts'
import { qemu } from '../../../../src/formats/importers/qemu/importer.ts'
import { BytesSink } from '../../../../src/formats/output/sink.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { registerAt, registerEntries, registerValue } from '../../../../src/model/register-list.ts'
import { ENTRIES, type Entry, hasSamples, readSample } from './samples.ts'

const PSCI = 0x6030_0000_0014_0000n
const BMAP2 = 0x6030_0000_0016_0003n
const u64 = (value: bigint): Uint8Array => new Uint8Array(new BigUint64Array([value]).buffer)
const set = (id: bigint, value: bigint): RegisterEdit => ({ set: { id, bytes: u64(value) } })

async function edited(bytes: Uint8Array, edits: readonly RegisterEdit[]) {
  const sink = new BytesSink()
  const { changes } = await editQemuStream(bytesSource(bytes, 'stream'), edits, sink)
  return { bytes: sink.bytes(), changes }
}

function differences(a: Uint8Array, b: Uint8Array): readonly number[] {
  const at: number[] = []
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (a[i] !== b[i]) at.push(i)
  return at
}

const entry = (name: string): Entry => {
  const found = ENTRIES.find(each => each.name === name)
  if (!found) throw new Error(`no sample ${name}`)
  return found
}
const sample = (name: string): Buffer => readSample(entry(name))
/** The description is not compared where the other tool left it as it was. */
const withoutDescription = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.lastIndexOf(0))

const writable = ENTRIES.filter(each => !/\.qcow2$|mappedram/.test(each.name))

describe.skipIf(!hasSamples)('real streams', () => {
  test.each(writable)('$name: read and written unchanged, it is the same; each register set to what it is, too', async each => {
    const before = readSample(each)
    expect(Buffer.compare((await edited(before, [])).bytes, before)).toBe(0)
    const { snapshot } = await qemu.read(bytesSource(before, each.name))
    const edits = snapshot.vcpus.flatMap(({ index, registers }) =>
      [...registerEntries(registers)]
        .map(([id, bytes]) => ({ vcpu: index, set: { id, bytes: new Uint8Array(bytes) } }))
        // core registers of an AArch32 vCPU are views of banked ones
        .filter(({ set: { id } }) => !/aarch32/.test(each.name) || ((id >> 16n) & 0xfffn) !== 0x10n),
    )
    const after = await edited(before, edits)
    expect(after.changes).toEqual([])
    expect(Buffer.compare(after.bytes, before)).toBe(0)
  })

  test('a mapped-ram stream is written unchanged, and its registers behind the pages are edited', async () => {
    const before = sample('tcg-q11.1-virt11.1-a72-gic3-2cpu-mappedram.mig')
    const after = await edited(before, [set(0x6030_0000_0010_0000n, 0x1122_3344_5566_7788n)])
    expect(differences(after.bytes, before)).toHaveLength(16)
  })

  test('another PSCI version changes its bytes and no others', async () => {
    const before = sample('kvm-k6.18-q11.1-d-gic3-4cpu-on.mig')
    const { snapshot } = await qemu.read(bytesSource(before))
    expect(snapshot.vcpus.map(({ registers }) => registerValue(registers, PSCI))).toEqual([0x10003n, 0x10003n, 0x10003n, 0x10003n])
    const after = await edited(before, [set(PSCI, 0x10001n)])
    expect(differences(after.bytes, before)).toHaveLength(4)
    const again = await qemu.read(bytesSource(after.bytes))
    expect(again.snapshot.vcpus.map(({ registers }) => registerValue(registers, PSCI))).toEqual([0x10001n, 0x10001n, 0x10001n, 0x10001n])
    expect((await edited(before, [{ vcpu: 2, ...set(PSCI, 0x10001n) }])).changes).toEqual([{ vcpu: 2, id: PSCI, kind: 'changed' }])
  })

  const BASE = 'kvm-k6.1-q10.0-a-gic3-1cpu-reset.mig'
  test.each<[string, RegisterEdit[]]>([
    ['crafted-c0-same.mig', []],
    ['crafted-c1-psci13.mig', [set(PSCI, 0x10003n)]],
    ['crafted-c2-psci10.mig', [set(PSCI, 0x10000n)]],
    ['crafted-c3-psci02.mig', [set(PSCI, 2n)]],
    ['crafted-c3b-psci12.mig', [set(PSCI, 0x10002n)]],
    ['crafted-c3c-psci99.mig', [set(PSCI, 0x20000n)]],
    ['crafted-c3d-psci01.mig', [set(PSCI, 1n)]],
    ['crafted-c12-std0.mig', [set(0x6030_0000_0016_0000n, 0n)]],
    ['crafted-c14-midr.mig', [set(0x6030_0000_0013_c000n, 0x410f_d0c0n)]],
    ['crafted-c15-pfr0.mig', [set(0x6030_0000_0013_c020n, 1n)]],
  ])('%s is what was made of the same stream by hand', async (name, edits) => {
    const wanted = sample(name)
    expect(Buffer.compare((await edited(sample(BASE), edits)).bytes, wanted)).toBe(0)
  })

  test.each<[string, RegisterEdit[]]>([
    ['crafted-c4-nopsci.mig', [{ drop: PSCI }]],
    ['crafted-c8-b2zero.mig', [set(BMAP2, 0n)]],
  ])('%s: the same but for its description, which was left as it had been', async (name, edits) => {
    const wanted = sample(name)
    const { bytes } = await edited(sample(BASE), edits)
    expect(Buffer.compare(withoutDescription(bytes), withoutDescription(wanted))).toBe(0)
    const [mine, theirs] = await Promise.all([qemu.read(bytesSource(bytes)), qemu.read(bytesSource(wanted))])
    expect(mine.findings.some(({ code }) => code === 'description-differs')).toBe(false)
    expect(theirs.findings.some(({ code }) => code === 'description-differs')).toBe(true)
  })

  test('what is added is described, and dropping it again gives the stream back', async () => {
    const before = sample('kvm-k6.12-q11.1-d-gic3-4cpu-on.mig')
    const added = await edited(before, [set(BMAP2, 3n), set(0x6030_0000_0013_c000n + 1n, 7n)])
    expect(added.changes.filter(({ kind }) => kind === 'added')).toHaveLength(8)
    const { snapshot, findings } = await qemu.read(bytesSource(added.bytes))
    expect(findings.some(({ code }) => code === 'description-differs')).toBe(false)
    expect(snapshot.vcpus.every(({ registers }) => registerValue(registers, BMAP2) === 3n)).toBe(true)
    // every other section is still found through the description
    expect(findings.some(({ code }) => code === 'section-not-decoded')).toBe(false)
    const back = await edited(added.bytes, [{ drop: BMAP2 }, { drop: 0x6030_0000_0013_c001n }])
    expect(Buffer.compare(back.bytes, before)).toBe(0)
  })

  test('core and vector registers are set where the section keeps them', async () => {
    for (const name of ['kvm-k6.1-q10.0-b-gic3-1cpu-run.mig', 'kvm-k6.12-q10.0-g-gic2-1cpu-run.mig', 'tcg-q10.0-virt10.0-max-gic3-el2-1cpu.mig']) {
      const before = sample(name)
      const { snapshot } = await qemu.read(bytesSource(before))
      const own = [...registerEntries(snapshot.vcpus[0]!.registers)].filter(
        ([id]) => [0x10n, 0x15n].includes((id >> 16n) & 0xfffn) || (id & 0xffffn) === 0xf208n,
      )
      for (const [i, [id, bytes]] of own.entries()) {
        if (name.includes('k6.12') && i % 4 > 0) continue // the layout is the first one's
        if (id === 0x6030_0000_0010_0042n) continue // PSTATE has rules of its own
        const value = new Uint8Array(bytes)
        value[0] = value[0]! ^ (id === 0x6020_0000_0010_00d5n ? 0 : 0x08)
        const other = bytes.length > 4 ? 5 % bytes.length : 3
        value[other] = value[other]! ^ (id === 0x6020_0000_0010_00d5n ? 1 : 0)
        const after = await edited(before, [{ set: { id, bytes: value } }])
        const again = (await qemu.read(bytesSource(after.bytes))).snapshot.vcpus[0]!.registers
        const at = again.ids.indexOf(id)
        expect(Buffer.from(registerAt(again, at)).toString('hex'), `${name} 0x${id.toString(16)}`).toBe(Buffer.from(value).toString('hex'))
        expect(differences(after.bytes, before)).toHaveLength(1)
      }
    }
  })

  test('a PSTATE that selects another stack pointer keeps the stack pointers where they belong', async () => {
    const before = sample('kvm-k6.1-q10.0-b-gic3-1cpu-run.mig')
    const [SP_EL0, SP_EL1, PSTATE] = [0x3en, 0x44n, 0x42n].map(offset => 0x6030_0000_0010_0000n | offset) as [bigint, bigint, bigint]
    const stacks = async (bytes: Uint8Array) => {
      const { registers } = (await qemu.read(bytesSource(bytes))).snapshot.vcpus[0]!
      return [registerValue(registers, SP_EL0), registerValue(registers, SP_EL1), registerValue(registers, PSTATE)]
    }
    const [sp0, sp1, pstate] = (await stacks(before)) as [bigint, bigint, bigint]
    const after = await edited(before, [set(PSTATE, pstate & ~1n), set(SP_EL0, 0x1230n)])
    expect(await stacks(after.bytes)).toEqual([0x1230n, sp1, pstate & ~1n])
    const back = await edited(after.bytes, [set(SP_EL0, sp0), set(PSTATE, pstate)])
    expect(await stacks(back.bytes)).toEqual([sp0, sp1, pstate])
  })

  test('a TCG stream keeps its own id for the virtual timer', async () => {
    const before = sample('tcg-q10.0-virt10.0-a72-gic3-1cpu-run.mig')
    const KVM_CVAL = 0x6030_0000_0013_df02n
    const { snapshot } = await qemu.read(bytesSource(before))
    expect(registerValue(snapshot.vcpus[0]!.registers, KVM_CVAL)).toBeDefined()
    const after = await edited(before, [set(KVM_CVAL, 0x0102_0304_0506_0708n)])
    expect(after.changes).toEqual([{ vcpu: 0, id: KVM_CVAL, kind: 'changed' }])
    expect(after.bytes.length).toBe(before.length)
  })

  test('what a stream has no place for is refused', async () => {
    const before = sample('kvm-k6.1-q10.0-b-gic3-1cpu-run.mig')
    const refused = async (edit: RegisterEdit, code: string) => {
      const error = await edited(before, [edit]).catch((cause: unknown) => cause)
      expect(error).toBeInstanceOf(SnapError)
      expect((error as SnapError).code).toBe(code)
    }
    await refused({ drop: 0x6030_0000_0010_0040n }, 'FORMAT_UNWRITABLE') // PC
    await refused({ vcpu: 9, ...set(PSCI, 1n) }, 'USAGE')
    await refused({ set: { id: PSCI, bytes: new Uint8Array(4) } }, 'REG_VALUE_INVALID')
    await refused({ set: { id: 0x6060_0000_0015_ffffn, bytes: new Uint8Array(64) } }, 'FORMAT_UNWRITABLE')
    await refused({ set: { id: 0x6080_0000_0015_0000n, bytes: new Uint8Array(256).fill(1) } }, 'FORMAT_UNWRITABLE')
    await refused({ set: { id: 0x6080_0000_0099_0000n, bytes: new Uint8Array(256) } }, 'FORMAT_UNWRITABLE')
  })

  test('a save image of libvirt stays one; a qcow2 image is not written', async () => {
    const before = sample('libvirt9.0-q7.2-raw.save')
    const after = await edited(before, [set(0x6030_0000_0010_0004n, 0x99n)])
    expect(after.changes).toHaveLength(2)
    expect((await qemu.read(bytesSource(after.bytes))).format.version).toMatch(/libvirt/)
    await expect(edited(sample('savevm-q7.2-virt7.2-a72-gic3-2cpu-off.qcow2'), [])).rejects.toMatchObject({ code: 'FORMAT_UNWRITABLE' })
  })
})
