// Every state file among the samples: its registers are the expected ones, it comes out as it went in, and a change changes what it says.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { RegId } from '../../../../src/arch/reg-id.ts'
import { crc64Bytes } from '../../../../src/formats/importers/firecracker/crc64.ts'
import { editVmstate } from '../../../../src/formats/importers/firecracker/edit.ts'
import { encodeVmstate, readVmstate } from '../../../../src/formats/importers/firecracker/vmstate.ts'
import { pickImporter } from '../../../../src/formats/importers/importer.ts'
import { IMPORTERS } from '../../../../src/formats/importers/registry.ts'
import { BytesSink } from '../../../../src/formats/output/sink.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { spool } from '../../../../src/formats/source/spool.ts'
import { bytesToBigint, registerEntries, registerList, registerValue } from '../../../../src/model/register-list.ts'
import { comparable } from '../../any-snapshot.ts'
import { archiveOf, readArchive } from '../../archive/archive-bytes.ts'
import { PSCI } from './make-vmstate.ts'
import { expectedRegisters, readVmstateSample, skipReason, vmstateNames, vmstatePath } from './samples.ts'

const read = async (name: string) => {
  const source = bytesSource(readVmstateSample(name), name)
  const importer = await pickImporter(source, IMPORTERS)
  expect(importer.id).toBe('firecracker-vmstate')
  return importer.read(source)
}

describe.skipIf(skipReason !== undefined)('samples', () => {
  test.each(vmstateNames)('%s has the registers that were put into it, in order', async name => {
    const expected = expectedRegisters(name)
    expect(expected, `${name} is not in expected-registers.json`).toBeDefined()
    const { vcpus, halves } = expected!
    const { snapshot, findings } = await read(name)
    const cut = (id: bigint, value: bigint): bigint => (halves && ((id >> 52n) & 15n) === 4n ? BigInt.asUintN(64, value) : value)
    expect(snapshot.vcpus.map(({ registers }) => new Map([...registerEntries(registers)].map(([id, bytes]) => [id as bigint, bytesToBigint(bytes)])))).toEqual(
      vcpus.map(list => new Map(list.map(([id, value]) => [id, cut(id, value)]))),
    )
    // A map hides a register that is there twice.
    expect(snapshot.vcpus.map(({ registers }) => registers.ids.length)).toEqual(vcpus.map(list => list.length))
    expect(findings.some(({ code }) => code === 'vector-halves-missing')).toBe(halves)
  })

  test.each(vmstateNames)('%s, written again, is the same file', name => {
    const bytes = readVmstateSample(name)
    expect(Buffer.compare(encodeVmstate(readVmstate(bytes, name)), bytes)).toBe(0)
  })

  test.each(vmstateNames)('%s with another PSCI version differs in that value and the checksum', async name => {
    const bytes = readVmstateSample(name)
    const { snapshot } = await read(name)
    const before = registerValue(snapshot.vcpus[0]!.registers, PSCI)!
    const value = registerList([[PSCI as RegId, before ^ 1n]]).bytes
    const sink = new BytesSink()
    const { changes } = await editVmstate(bytesSource(bytes, name), [{ kind: 'set', id: PSCI as RegId, value }], sink)
    expect(changes.map(({ vcpu, id, after }) => [vcpu, id, after])).toEqual(snapshot.vcpus.map(({ index }) => [index, PSCI, value]))
    const edited = sink.bytes()
    expect(edited.length).toBe(bytes.length)
    const differing = [...edited.keys()].filter(i => edited[i] !== bytes[i] && i < bytes.length - 8)
    expect(differing.length).toBe(snapshot.vcpus.length)
    for (const i of differing) expect([bytes[i], edited[i]]).toEqual([Number(before & 0xffn), Number((before ^ 1n) & 0xffn)])
    expect([...edited.subarray(-8)]).toEqual([...crc64Bytes(edited.subarray(0, -8))])
  })

  test.each(vmstateNames)('%s goes into an archive whole, and comes out of it', async name => {
    const { snapshot } = await read(name)
    const again = await readArchive(await archiveOf(snapshot))
    expect(await comparable(again)).toEqual(await comparable(snapshot))
    expect(again.unknown).toEqual(snapshot.unknown)
  })

  test.each(vmstateNames)('%s read from a stream of single bytes is the same', async name => {
    async function* bytewise(): AsyncGenerator<Uint8Array> {
      for (const byte of readVmstateSample(name)) yield Uint8Array.of(byte)
    }
    const source = await spool(bytewise(), name)
    const importer = await pickImporter(source, IMPORTERS)
    expect(await importer.read(source)).toEqual(await read(name))
  })

  test('the version that stands for two layouts is settled by trial, and that is said', async () => {
    const ambiguous = vmstateNames.filter(name => readFileSync(vmstatePath(name)).includes('8.0.0'))
    expect(ambiguous).not.toEqual([])
    for (const name of ambiguous) {
      const { snapshot, findings } = await read(name)
      expect(snapshot.origin.vmm).toMatch(/^Firecracker v1\.1[34]/)
      expect(findings.find(({ code }) => code === 'layout-by-trial')?.message).toMatch(/stands for different layouts .*fits only that of Firecracker v1\.1[34]/)
    }
  })
})
