// CPU templates and fingerprints: every one among the samples, and what is wrong with others, by the path that fails.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { configSeeds, mutateConfig, readConfigForFuzz } from '../../../../scripts/fuzz/firecracker.ts'
import { SnapError } from '../../../../src/errors.ts'
import { parseBitmap } from '../../../../src/formats/importers/firecracker/cpu-config/bitmap.ts'
import { pickImporter } from '../../../../src/formats/importers/importer.ts'
import { IMPORTERS } from '../../../../src/formats/importers/registry.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { bytesToBigint, registerEntries, registerValue } from '../../../../src/model/register-list.ts'
import { fingerprintNames, readFingerprintSample, skipReason } from './samples.ts'

const read = async (bytes: Uint8Array, name = 'config.json') => {
  const source = bytesSource(bytes, name)
  return (await pickImporter(source, IMPORTERS)).read(source)
}
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const hosts = fingerprintNames.filter(name => name.startsWith('fingerprint_'))
const templates = fingerprintNames.filter(name => !name.startsWith('fingerprint_'))

describe.skipIf(skipReason !== undefined)('samples', () => {
  test.each(hosts)('%s holds what the JSON says, every register', async name => {
    const bytes = readFingerprintSample(name)
    const plain = JSON.parse(Buffer.from(bytes).toString())
    const { format, snapshot, host, findings } = await read(bytes, name)
    expect(format).toEqual({ id: 'firecracker-fingerprint' })
    const rows = plain.guest_cpu_config.reg_modifiers.map(({ addr, bitmap }: { addr: string; bitmap: string }) => [BigInt(addr), BigInt(bitmap)])
    expect([...registerEntries(host!.registers)].map(([id, value]) => [id, bytesToBigint(value)])).toEqual(rows)
    expect(snapshot.vcpus.map(({ registers }) => registers)).toEqual([host!.registers])
    expect(host).toMatchObject({
      kernelRelease: plain.kernel_version,
      microcodeVersion: plain.microcode_version,
      biosVersion: plain.bios_version,
      biosRevision: plain.bios_revision,
      vmm: `Firecracker ${plain.firecracker_version}`,
      complete: false,
    })
    // The names of the samples: fingerprint_ARM_NEOVERSE_N1_6.1host.json.
    const [, cpu, kernel] = /ARM_([A-Z0-9_]+)_([\d.]+)host/.exec(name)!
    expect(host!.cpu).toBe(cpu!.toLowerCase().replace('_', '-'))
    expect(host!.kernelRelease).toMatch(new RegExp(`^${kernel!.replace('.', '\\.')}\\.`))
    expect(snapshot.origin).toMatchObject({ kernel: plain.kernel_version, cpu: host!.cpu, tool: 'cpu-template-helper' })
    expect(findings.map(({ code }) => code)).toEqual(['never-run'])
  })

  test.each(templates)('%s is a template, said in words', async name => {
    const plain = JSON.parse(Buffer.from(readFingerprintSample(name)).toString())
    const { format, snapshot, findings, host } = await read(readFingerprintSample(name), name)
    expect([format.id, snapshot.vcpus, host]).toEqual(['firecracker-cpu-template', [], undefined])
    expect(findings[0]).toMatchObject({ severity: 'info', code: 'cpu-template', message: expect.stringContaining('not a saved guest') })
    expect(findings.filter(({ code }) => code === 'register-modifier')).toHaveLength(plain.reg_modifiers?.length ?? 0)
    expect(findings.filter(({ code }) => code === 'feature-modifier')).toHaveLength(plain.vcpu_features?.length ?? 0)
    expect(findings.every(({ severity }) => severity === 'info')).toBe(true)
  })
})

test('what a template does, by field and by feature', async () => {
  const { snapshot, findings } = await read(
    json({
      kvm_capabilities: ['170', '!171'],
      vcpu_features: [{ index: 0, bitmap: '0b111xxxx' }],
      reg_modifiers: [{ addr: '0x603000000013c020', bitmap: '0bxxxxxxxxxxxx0000xxxx_xxxxxxxx0000xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }],
    }),
  )
  expect(findings.map(({ message }) => message)).toEqual([
    'this is a CPU template, not a saved guest: Firecracker changes 1 registers and 1 words of vCPU features with it, and checks 2 capabilities',
    'vCPU features word 0: bits 0x70 become 0x70 (on: sve ptrauth_address ptrauth_generic; off: none)',
    'ID_AA64PFR0_EL1 gets 0x0 in the bits 0xf000f00000000 (DIT=0x0 SVE=0x0)',
  ])
  expect(snapshot.devices).toEqual([
    {
      name: 'cpu-template',
      kind: 'firecracker-cpu-template',
      state: {
        kvmCapabilities: ['170', '!171'],
        vcpuFeatures: [{ index: 0, filter: '0x70', value: '0x70' }],
        modifiers: [{ id: 0x6030_0000_0013_c020n, filter: '0xf000f00000000', value: '0x0' }],
      },
    },
  ])
})

test('`template dump` writes a whole vCPU in the form of a template: it has registers', async () => {
  const bitmap = (value: bigint): string => `0b${value.toString(2).padStart(128, '0')}`
  const reg_modifiers = [
    { addr: '0x6030000000100042', bitmap: bitmap(0x3c5n) },
    { addr: '0x6030000000140000', bitmap: bitmap(0x1_0003n) },
    { addr: '0x603000000013c000', bitmap: bitmap(0x410f_d4f1n) },
  ]
  const { snapshot, host, findings } = await read(json({ kvm_capabilities: [], vcpu_features: [], reg_modifiers }))
  expect(findings.map(({ code }) => code)).toEqual(['never-run'])
  expect(host).toMatchObject({ cpu: 'neoverse-v2', complete: false })
  expect(registerValue(snapshot.vcpus[0]!.registers, 0x6030_0000_0014_0000n)).toBe(0x1_0003n)
})

test('bitmaps', () => {
  expect(parseBitmap('0b1x0', 64)).toEqual({ filter: 0b101n, value: 0b100n })
  expect(parseBitmap('1_x0', 64)).toEqual({ filter: 0b101n, value: 0b100n })
  expect(parseBitmap('', 64)).toEqual({ filter: 0n, value: 0n })
  expect(parseBitmap(`0b${'0'.repeat(128)}`, 32)).toEqual({ filter: 0xffff_ffffn, value: 0n })
  expect(parseBitmap(`0b1${'0'.repeat(32)}`, 32)).toEqual({ wrong: 'sets bits beyond the 32 of the register' })
  expect(parseBitmap('0'.repeat(129), 64)).toEqual({ wrong: 'has 129 digits, more than 128' })
  expect(parseBitmap('0b12', 64)).toEqual({ wrong: 'is no bitmap: it has other digits than 0, 1 and x' })
})

const config = (extra: object) => json({ firecracker_version: '1', kernel_version: '6.1.0', guest_cpu_config: { reg_modifiers: [], ...extra } })
const modifier = (addr: unknown, bitmap: unknown) => config({ reg_modifiers: [{ addr, bitmap }] })
test.each<[string, Uint8Array, string, RegExp]>([
  ['no configuration', json({ firecracker_version: '1' }), 'INPUT_CORRUPT', /guest_cpu_config is missing/],
  ['a list of modifiers that is none', config({ reg_modifiers: {} }), 'INPUT_CORRUPT', /guest_cpu_config\.reg_modifiers is not a list/],
  ['a release that is a number', json({ firecracker_version: 1, guest_cpu_config: {} }), 'INPUT_CORRUPT', /firecracker_version is not a text/],
  ['an id without 0x', modifier('603000000013c020', '0b1'), 'INPUT_CORRUPT', /reg_modifiers\[0\]\.addr is not a 64-bit id/],
  ['an id of x86', modifier('0x10a', '0b1'), 'INPUT_CORRUPT', /addr is 0x000000000000010a, which is no arm64 register/],
  ['an SVE register', modifier('0x6080000000150000', '0b1'), 'INPUT_CORRUPT', /which is no arm64 register of 32, 64 or 128 bits/],
  ['a bitmap that is a number', modifier('0x603000000013c020', 5), 'INPUT_CORRUPT', /bitmap is not a bitmap/],
  ['a bit beyond the register', modifier('0x60200000001000d4', `0b1${'0'.repeat(32)}`), 'INPUT_CORRUPT', /sets bits beyond the 32/],
  ['a capability that is none', config({ kvm_capabilities: ['x'] }), 'INPUT_CORRUPT', /kvm_capabilities\[0\] is not a capability/],
  ['a feature word that is not there', config({ vcpu_features: [{ index: 7, bitmap: '0b1' }] }), 'INPUT_CORRUPT', /index is not a word 0 to 6/],
  ['an x86_64 fingerprint', config({ cpuid_modifiers: [] }), 'FORMAT_FOREIGN', /x86_64/],
  ['an x86_64 template', json({ msr_modifiers: [] }), 'FORMAT_FOREIGN', /x86_64/],
  ['too many modifiers', config({ reg_modifiers: Array.from({ length: 70_000 }, () => 0) }), 'LIMIT_EXCEEDED', /70000 items/],
])('%s is refused', async (_name, bytes, code, message) => {
  await expect(read(bytes)).rejects.toMatchObject({ code, message: expect.stringMatching(message), at: { file: 'config.json' } })
})

test('keys that mean nothing, and bits that are left open, are findings', async () => {
  const { findings, snapshot } = await read(config({ extra: 1, reg_modifiers: [{ addr: '0x603000000013c020', bitmap: '0bx' }] }))
  expect(findings.map(({ code }) => code)).toEqual(['never-run', 'unknown-key', 'partial-registers'])
  expect(snapshot.vcpus[0]!.registers.ids.length).toBe(0)
})

test('cut short anywhere is an error with the file', async () => {
  for (const seed of configSeeds())
    for (let length = 0; length < seed.length; length++)
      await expect(readConfigForFuzz(seed.subarray(0, length))).rejects.toMatchObject({ name: 'SnapError', at: { file: 'fuzz.json' } })
})

test('whatever is changed gives a value or an error of ours', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...configSeeds()), fc.integer(), async (seed, random) => {
      const outcome = await readConfigForFuzz(mutateConfig(seed, random)).catch((error: unknown) => error)
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(SnapError)
    }),
    { seed: 31, numRuns: 1000 },
  )
})
