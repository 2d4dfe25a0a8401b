// Files written again with other registers, in their own format: exactly those bytes change, and a file that would not change is the same file.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PSCI_VERSION_ID } from '../../src/arch/smccc.ts'
import { writeSnapshotFile } from '../../src/formats/exporters.ts'
import { bytesRegion } from '../../src/model/memory.ts'
import { diff } from '../../src/ops/diff.ts'
import { type EditRequest, edit, parseSet } from '../../src/ops/edit.ts'
import { inspect } from '../../src/ops/inspect.ts'
import { saveSnapshot } from '../../src/ops/save.ts'
import { verify } from '../../src/ops/verify.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-edit-'))
const at = (name: string): string => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const set = (...texts: readonly string[]): EditRequest => ({ steps: texts.map(parseSet), overwrite: true })
const drop = (...registers: readonly string[]): EditRequest => ({ steps: registers.map(register => ({ kind: 'drop', register })), overwrite: true })
const psciOf = async (file: string) => (await inspect(file)).psci.perVcpu

beforeAll(async () => {
  const { snapshot } = await saveSnapshot({ build: 'linux-6.1', vcpus: 2 })
  const more = { memory: [bytesRegion('ram', 0x4000_0000n, new Uint8Array(5000).fill(7))], unknown: [{ name: 'future/thing', bytes: Uint8Array.of(1, 2) }] }
  await writeSnapshotFile({ ...snapshot, ...more }, at('a.psnap'))
  await writeSnapshotFile(snapshot, at('a.json'))
})

describe('of each format that we make ourselves', () => {
  const files = ['a.psnap', 'a.json'] as const
  test.each(files)('%s: to the values it has, it is the same file', async name => {
    const report = await edit(at(name), at(`same-${name}`), set('PSCI_VERSION=1.1'))
    expect(report.vcpus).toEqual([])
    expect(report.findings.map(({ code }) => code)).toContain('nothing-changed')
    expect(readFileSync(at(`same-${name}`)).equals(readFileSync(at(name)))).toBe(true)
  })

  test.each(files)('%s: another PSCI version on all vCPUs, and nothing else', async name => {
    const report = await edit(at(name), at(`new-${name}`), set('PSCI_VERSION=1.0'))
    const change = { id: '0x6030000000140000', name: 'KVM_REG_ARM_PSCI_VERSION', before: '0x10001', after: '0x10000' }
    expect(report.vcpus).toEqual([0, 1].map(index => ({ index, changes: [change] })))
    expect(await psciOf(at(`new-${name}`))).toEqual(['1.0', '1.0'])
    const { changes, findings } = await diff(at(name), at(`new-${name}`), { memory: true })
    expect(changes.map(({ vcpu, name: register }) => [vcpu, register])).toEqual([0, 1].map(vcpu => [vcpu, change.name]))
    expect(findings).toEqual([])
    expect((await verify(at(`new-${name}`))).valid).toBe(true)
  })

  test.each(files)('%s: there and back is the same file', async name => {
    await edit(at(name), at(`there-${name}`), set('PSCI_VERSION=0.2', 'X3=0x1234'))
    const [x3] = (await inspect(at(name), { registers: 'X3' })).vcpus.map(({ registers }) => registers[0]?.value)
    const both = await inspect(at(name), { registers: 'X3' })
    expect(new Set(both.vcpus.map(({ registers }) => registers[0]?.value)).size).toBe(1)
    await edit(at(`there-${name}`), at(`back-${name}`), set('PSCI_VERSION=1.1', `X3=${x3}`))
    expect(readFileSync(at(`back-${name}`)).equals(readFileSync(at(name)))).toBe(true)
  })

  test.each(files)('%s: registers taken out by a glob, of one vCPU', async name => {
    const { vcpus } = await edit(at(name), at(`less-${name}`), { ...drop('DBG*', 'X0', 'KVM_REG_ARM_STD_BMAP'), vcpu: 1 })
    expect(vcpus.map(({ index }) => index)).toEqual([1])
    const names = vcpus[0]!.changes.map(({ name: register }) => register)
    expect(names).toContain('DBGBVR0_EL1')
    expect(names).toContain('X0')
    const { changes } = await diff(at(name), at(`less-${name}`))
    expect(changes.map(({ vcpu, name: register, after }) => [vcpu, register, after]).sort()).toEqual(names.map(register => [1, register, undefined]).sort())
    expect((await inspect(at(`less-${name}`))).vcpus[0]!.count).toBe((await inspect(at(name))).vcpus[0]!.count)
  })

  test('what a VM has once is set on all vCPUs', async () => {
    const report = await edit(at('a.json'), at('wide.json'), { ...set('PSCI_VERSION=0x10000'), vcpu: 1 })
    expect(report.vcpus.map(({ index }) => index)).toEqual([0, 1])
    expect(report.findings).toMatchObject([{ code: 'vm-wide' }])
    expect((await edit(at('a.json'), at('one.json'), { ...set('X0=0x9'), vcpu: 1 })).vcpus.map(({ index }) => index)).toEqual([1])
  })

  test('keys are masked in the report', async () => {
    const pauth = { format: 'kvm-reglist', version: 1, vcpus: [{ registers: [['0x603000000013c108', '0x1234']] }] }
    writeFileSync(at('pauth.json'), JSON.stringify(pauth))
    expect((await edit(at('pauth.json'), at('pauth2.json'), set('APIAKEYLO_EL1=0x77'))).vcpus[0]!.changes).toMatchObject([
      { before: 'masked', after: 'masked' },
    ])
    expect(JSON.stringify(await diff(at('pauth.json'), at('pauth2.json')))).not.toMatch(/1234|0x77/)
  })
})

describe('kvm-reglist, in its text', () => {
  const text = `﻿{ "vcpus" : [ {"note":"ours","registers":[\n  ["0x6030000000100000", "0x01"] ,["0x6030000000140000",\t"0x00010001"],\n  ["0x6030000000100004","0x2"]\n ] } ],\n "format":"kvm-reglist","version":1, "later": [1.50, {"x":"\\u00e9\\""}] }\n`
  const edited = async (request: EditRequest): Promise<string> => {
    writeFileSync(at('text.json'), text)
    await edit(at('text.json'), at('text2.json'), request)
    return readFileSync(at('text2.json'), 'utf8')
  }
  test('a value is replaced where it stands', async () => {
    expect(await edited(set('PSCI_VERSION=1.0'))).toBe(text.replace('0x00010001', '0x10000'))
    expect(await edited(set('PSCI_VERSION=1.1', 'X0=0x1'))).toBe(text) // spelled otherwise, the same value
  })
  test('a register goes with one comma', async () => {
    expect(await edited(drop('X0'))).toBe(text.replace('["0x6030000000100000", "0x01"] ,', ''))
    expect(await edited(drop('X2'))).toBe(text.replace(',\n  ["0x6030000000100004","0x2"]', ''))
    expect(await edited(drop('PSCI_VERSION'))).toBe(text.replace(' ,["0x6030000000140000",\t"0x00010001"]', ''))
    for (const all of [drop('*'), drop('X0', 'PSCI_VERSION'), drop('PSCI_VERSION', 'X2'), drop('X0', 'X2')])
      expect(JSON.parse((await edited(all)).slice(1)).vcpus[0].registers).toHaveLength(
        3 - (await edit(at('text.json'), at('text2.json'), all)).vcpus[0]!.changes.length,
      )
  })
})

describe('refusals', () => {
  const cases: readonly (readonly [what: string, output: string, request: EditRequest, code: string])[] = [
    ['a register that the file has not', 'x.json', set('TPIDR2_EL0=0x1'), 'REGISTER_ABSENT'],
    ['a name that is none', 'x.json', drop('PSCI_VERSON'), 'REG_ID_INVALID'],
    ['a value that is none', 'x.json', set('X0=one'), 'REG_VALUE_INVALID'],
    ['a value too wide', 'x.json', set('X0=0x10000000000000000'), 'REG_VALUE_INVALID'],
    ['a version of another register', 'x.json', set('X0=1.1'), 'REG_VALUE_INVALID'],
    ['a vCPU that is not there', 'x.json', { ...set('X0=0x1'), vcpu: 9 }, 'USAGE'],
    ['nothing to do', 'x.json', { steps: [] }, 'USAGE'],
    ['the input itself', 'a.json', set('X0=0x1'), 'USAGE'],
    ['a link to the input', 'link.json', set('X0=0x1'), 'USAGE'],
  ]
  test.each(cases)('%s', async (_, output, request, code) => {
    if (output === 'link.json') symlinkSync('a.json', at('link.json'))
    const before = readFileSync(at('a.json'))
    await expect(edit(at('a.json'), at(output), request)).rejects.toMatchObject({ code })
    expect(readFileSync(at('a.json')).equals(before)).toBe(true)
    if (output === 'x.json') expect(existsSync(at('x.json'))).toBe(false)
  })
  test('an output that exists, without overwrite', async () => {
    await expect(edit(at('a.json'), at('a.psnap'), { steps: [parseSet('X0=0x1')] })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' })
  })
  test.each(['X0', '=1', 'X0='])('%s is not REG=VALUE', text => {
    expect(() => parseSet(text)).toThrow(/REG=VALUE/)
  })
})

// What real VMMs wrote. A new sample is a new test.
const samples = (path: string, suffix: string): readonly string[] => {
  const from = new URL(`../../../shared/samples/${path}/`, import.meta.url).pathname
  return existsSync(from)
    ? readdirSync(from)
        .filter(name => name.endsWith(suffix))
        .map(name => join(from, name))
    : []
}
const streams = samples('qemu', '.mig.gz').filter(path => /kvm-/.test(path))
const states = samples('firecracker/vmstates', '.vmstate')
if (streams.length + states.length === 0) console.log('edit of VMM files: skipped, there is no ../shared/samples')

/** Positions at which two files of one size differ. */
const changedBytes = (a: Uint8Array, b: Uint8Array): number[] => [...a.keys()].filter(i => a[i] !== b[i])

describe.skipIf(streams.length === 0)('QEMU streams', () => {
  test.each(streams.filter((_, i) => i % 9 === 0))('%s: exactly the bytes of the PSCI version', async path => {
    const raw = gunzipSync(readFileSync(path))
    const { perVcpu } = (await inspect(path)).psci
    if (perVcpu.includes(null)) return // crafted without one
    const version = perVcpu[0]!
    await edit(path, at('same.mig'), set(`PSCI_VERSION=${version}`))
    expect((await edit(path, at('same.mig'), set(`PSCI_VERSION=${version}`))).findings.map(({ code }) => code)).toContain('unwrapped')
    if (new Set(perVcpu).size === 1) expect(readFileSync(at('same.mig')).equals(raw)).toBe(true)
    const report = await edit(path, at('new.mig'), set('PSCI_VERSION=0.7'))
    expect(report.vcpus).toHaveLength(perVcpu.length)
    const written = readFileSync(at('new.mig'))
    expect(written.length).toBe(raw.length)
    const id = Buffer.alloc(8)
    id.writeBigUInt64BE(PSCI_VERSION_ID)
    const changed = changedBytes(raw, written)
    // Two bytes of each value (0x1000n → 0x7), and each as far behind its id as in every other vCPU.
    expect(changed.length).toBeGreaterThanOrEqual(perVcpu.length)
    expect(changed.length).toBeLessThanOrEqual(2 * perVcpu.length)
    expect(await psciOf(at('new.mig'))).toEqual(perVcpu.map(() => '0.7'))
    expect((await diff(path, at('new.mig'), { memory: true, volatile: true })).changes.filter(({ kind }) => kind !== 'device')).toHaveLength(perVcpu.length)
  })
})

const cloud = new URL('../../../shared/samples/cloud-hypervisor/', import.meta.url).pathname
const folders = existsSync(cloud)
  ? readdirSync(cloud, { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(({ name }) => join(cloud, name))
  : []
describe.skipIf(folders.length === 0)('Cloud Hypervisor folders', () => {
  test.each(folders)('%s: the register and nothing else', async path => {
    const copy = at(`cloud-${basename(path)}`)
    cpSync(path, copy, { recursive: true })
    const version = (await psciOf(path))[0]!
    await edit(copy, at('state.json'), set(`PSCI_VERSION=${version}`))
    expect(readFileSync(at('state.json')).equals(readFileSync(join(path, 'state.json')))).toBe(true)
    await expect(edit(copy, join(copy, 'state.json'), set('PSCI_VERSION=0.2'))).rejects.toMatchObject({ code: 'USAGE' })
    const { vcpus } = await edit(copy, at('state.json'), set('PSCI_VERSION=0.2'))
    cpSync(at('state.json'), join(copy, 'state.json'))
    const { changes } = await diff(path, copy, { volatile: true })
    expect(changes.map(({ name, vcpu }) => [name, vcpu])).toEqual(vcpus.map(({ index }) => ['KVM_REG_ARM_PSCI_VERSION', index]))
  })
})

describe('formats that are only read', () => {
  const crosvm = new URL('../../../shared/samples/crosvm/cbor', import.meta.url).pathname
  test.skipIf(!existsSync(crosvm))('crosvm: said plainly', async () => {
    await expect(edit(crosvm, at('no.out'), set('PSCI_VERSION=1.0'))).rejects.toMatchObject({ code: 'FORMAT_UNWRITABLE' })
    expect(existsSync(at('no.out'))).toBe(false)
  })
})

describe.skipIf(states.length === 0)('Firecracker state files', () => {
  test.each(states)('%s: the bytes of the PSCI version and the checksum', async path => {
    const raw = readFileSync(path)
    const { perVcpu } = (await inspect(path)).psci
    await edit(path, at('same.vmstate'), set(`PSCI_VERSION=${perVcpu[0]}`))
    expect(readFileSync(at('same.vmstate')).equals(raw)).toBe(true)
    const report = await edit(path, at('new.vmstate'), set('PSCI_VERSION=0.2'))
    expect(report.vcpus).toHaveLength(perVcpu.length)
    const written = readFileSync(at('new.vmstate'))
    expect(await psciOf(at('new.vmstate'))).toEqual(perVcpu.map(() => '0.2'))
    const { changes } = await diff(path, at('new.vmstate'), { volatile: true })
    expect(changes.map(({ name }) => name)).toEqual(perVcpu.map(() => 'KVM_REG_ARM_PSCI_VERSION'))
    if (written.length === raw.length) {
      const outside = changedBytes(raw, written).filter(i => i < raw.length - 8)
      expect(outside.length).toBeLessThanOrEqual(8 * perVcpu.length)
    }
  })
})
