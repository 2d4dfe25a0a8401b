// Every sample folder of Cloud Hypervisor and crosvm in ../shared/samples is a test: what the reader gives is compared with what a few lines here
// find in the same files on their own, and with the values that PROVENANCE.md gives for the folders it describes.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openInput } from '../../../src/formats/importers/open-input.ts'
import { IMPORTERS } from '../../../src/formats/importers/registry.ts'
import { consistencyFindings } from '../../../src/model/consistency.ts'
import { bytesToBigint, type RegisterList, registerEntries, registerValue } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'

const SAMPLES = '../shared/samples'
const folders = (vmm: string): readonly string[] =>
  existsSync(join(SAMPLES, vmm))
    ? readdirSync(join(SAMPLES, vmm), { withFileTypes: true })
        .filter(entry => entry.isDirectory())
        .map(entry => join(SAMPLES, vmm, entry.name))
    : []

async function read(path: string, use: (snapshot: Snapshot, id: string) => Promise<void> | void): Promise<void> {
  const { source, importer } = await openInput(path, IMPORTERS)
  try {
    const { snapshot, format } = await importer.read(source)
    await use(snapshot, format.id)
  } finally {
    await source.close()
  }
}
const pairs = (registers: RegisterList): readonly (readonly [bigint, bigint])[] =>
  [...registerEntries(registers)].map(([id, bytes]) => [id, bytesToBigint(bytes)])

/** JSON whose integers of more than 15 digits are texts. */
type Json = { readonly [key: string]: Json } & readonly Json[]
const parse = (text: string): Json => JSON.parse(text.replace(/(?<=[[:,])([0-9]{16,})(?=[\],}])/g, '"$1"')) as Json

/** The system registers of vCPU `key`, in file order, whatever layout the file has. */
function systemRegisters(state: string, key: string): readonly (readonly [bigint, bigint])[] {
  const node = (JSON.parse(state) as Json).snapshots?.['cpu-manager']?.snapshots?.[key]?.snapshot_data as unknown
  const section = Array.isArray(node) ? (node as number[]) : ((Object.values(node as object)[0] as { snapshot?: number[] }).snapshot ?? [])
  const text = section.length > 0 ? Buffer.from(section).toString() : ((node as { state?: string }).state ?? '')
  const vcpu = parse(text)
  const list = (vcpu.Kvm ?? vcpu).sys_regs as unknown as readonly (number[] | { id: string; addr: string | number })[]
  return list.map(item => {
    if (!Array.isArray(item)) return [BigInt(item.id), BigInt(item.addr)]
    const bytes = Buffer.from(item)
    return [bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8)]
  })
}

const CORE = 0x6030_0000_0010_0000n
function expectMadeUpCore({ registers, index }: Snapshot['vcpus'][number]): void {
  for (let n = 0; n < 31; n++) expect(registerValue(registers, CORE + BigInt(2 * n))).toBe(BigInt(0x1111 * (n + 1)) + (BigInt(index) << 32n))
  expect(registerValue(registers, CORE + 0x40n)).toBe(0xffff_8000_08ab_c000n + BigInt(0x1000 * index))
  for (let n = 0; n < 32; n++)
    expect(registerValue(registers, 0x6040_0000_0010_0054n + BigInt(4 * n))).toBe((0x0123_4567_89ab_cdefn << 64n) | BigInt((n << 8) | index))
}

const cloud = folders('cloud-hypervisor')
describe.skipIf(cloud.length === 0)('Cloud Hypervisor samples (need ../shared/samples)', () => {
  test.each(cloud)('%s: the system registers are those of the file, in its order', async path => {
    const state = readFileSync(join(path, 'state.json'), 'utf8')
    await read(path, ({ vcpus }, id) => {
      expect(id).toBe('cloud-hypervisor')
      expect(vcpus.length).toBeGreaterThan(0)
      for (const { index, registers } of vcpus) {
        const own = systemRegisters(state, String(index))
        expect(pairs(registers).slice(-own.length)).toEqual(own)
      }
    })
  })
  test.each(cloud)('%s: the state file by itself gives the same', async path => {
    let whole: unknown
    await read(path, ({ vcpus, devices, memory }) => {
      whole = { vcpus, devices, memory: memory.length }
    })
    await read(join(path, 'state.json'), ({ vcpus, devices, memory }) => expect({ vcpus, devices, memory: memory.length }).toEqual(whole))
  })
  test.each(cloud.filter(path => /\/(v29-v38|v39-v52|v53)$/.test(path)))('%s: the values that PROVENANCE.md gives', async path => {
    await read(path, ({ vcpus, vm }) => {
      expect(vcpus.map(({ index, mpState }) => [index, mpState])).toEqual([
        [0, 'runnable'],
        [1, 'runnable'],
      ])
      for (const vcpu of vcpus) {
        expectMadeUpCore(vcpu)
        expect(registerValue(vcpu.registers, 0x6030_0000_0013_df1an)).toBe(123456789n + BigInt(vcpu.index))
        expect(registerValue(vcpu.registers, 0x6030_0000_0013_df02n)).toBe(0x75bcd15n + BigInt(vcpu.index))
        expect(registerValue(vcpu.registers, 0x6030_0000_0013_c005n)).toBe(0x8000_0000n + BigInt(vcpu.index))
      }
      expect(vm.counterFrequency).toBe(path.endsWith('v53') ? 1_000_000_000 : undefined)
    })
  })
  test.each(cloud.filter(path => /\/(v39-v52|v53)$/.test(path)))('%s: the redistributor that was saved for every vCPU is found', async path => {
    await read(path, snapshot => {
      expect(consistencyFindings(snapshot).map(({ code }) => code)).toContain('gic-redistributors-identical')
    })
  })
})

const crosvm = folders('crosvm')
describe.skipIf(crosvm.length === 0)('crosvm samples (need ../shared/samples)', () => {
  test.each(crosvm)('%s is read, its memory as long as its metadata says', async path => {
    await read(path, async ({ vcpus, memory }, id) => {
      expect(id).toBe('crosvm')
      expect(vcpus.map(({ index }) => `vcpu${index}`).sort()).toEqual(readdirSync(join(path, 'vcpu')).sort())
      for (const region of memory) for await (const { offset, data } of region.chunks()) expect(offset + data.length).toBeLessThanOrEqual(region.size)
    })
  })
  test.each(crosvm.filter(path => path.endsWith('/cbor')))('%s: the values that PROVENANCE.md gives', async path => {
    await read(path, ({ vcpus, memory }) => {
      expect(vcpus.map(({ index, mpState }) => [index, mpState])).toEqual([
        [0, 'runnable'],
        [1, 'runnable'],
      ])
      for (const vcpu of vcpus) {
        expectMadeUpCore(vcpu)
        expect(registerValue(vcpu.registers, 0x6030_0000_0014_0000n)).toBe(0x10001n)
      }
      expect(memory.map(({ start, size, present }) => ({ start, size, present }))).toEqual([{ start: 0x8000_0000n, size: 1 << 28, present: 4096 }])
    })
  })
})
