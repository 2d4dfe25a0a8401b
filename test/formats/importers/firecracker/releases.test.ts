// Every release in the table: its layout is read, told from the others, and refused when it is none of them.
import { expect, test } from 'vitest'
import { crc64Bytes } from '../../../../src/formats/importers/firecracker/crc64.ts'
import { firecrackerVmstate } from '../../../../src/formats/importers/firecracker/importer.ts'
import { RELEASES, type Release } from '../../../../src/formats/importers/firecracker/releases.ts'
import { encodeVmstate, readVmstate } from '../../../../src/formats/importers/firecracker/vmstate.ts'
import type { ReadOptions } from '../../../../src/formats/importers/importer.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { bytesToBigint, registerEntries, registerValue } from '../../../../src/model/register-list.ts'
import { comparable } from '../../any-snapshot.ts'
import { archiveOf, readArchive } from '../../archive/archive-bytes.ts'
import { bigintToBytes } from './bytes.ts'
import { fixCrc, MPIDR, makeVmstate, PC, smallVm, someRegisters, stateOf, VLS } from './make-vmstate.ts'

const read = (bytes: Uint8Array, options?: ReadOptions) => firecrackerVmstate.read(bytesSource(bytes, 'guest.vmstate'), undefined, options)
const rows = RELEASES.map(release => [`${release.version} of ${release.releases[0]}`, release] as const)
const rowOf = (version: string, first: string): Release => RELEASES.find(release => release.version === version && release.releases[0] === first)!
const failure = async (bytes: Uint8Array, options?: ReadOptions) =>
  read(bytes, options).then(
    () => undefined,
    (error: unknown) => error,
  )

test.each(rows)('%s is read, and written again as it was', async (_name, release) => {
  const bytes = makeVmstate(release)
  const vmstate = readVmstate(bytes, 'guest.vmstate')
  expect(vmstate.release).toBe(release)
  expect(vmstate.state).toEqual(stateOf(release, smallVm))
  expect(vmstate.devices).toEqual(smallVm.devices)
  expect(Buffer.compare(encodeVmstate(vmstate), bytes)).toBe(0)

  const { format, snapshot, findings } = await read(bytes)
  expect(format).toEqual({ id: 'firecracker-vmstate', version: release.version })
  expect(snapshot.gic).toBe('v3')
  const narrow = release.traits.registers === 'u64'
  for (const [index, vcpu] of snapshot.vcpus.entries()) {
    const expected = someRegisters(index).map(([id, value]) => [id, narrow ? BigInt.asUintN(64, value) : value])
    expect([...registerEntries(vcpu.registers)].map(([id, value]) => [id, bytesToBigint(value)])).toEqual(expected)
    expect(vcpu.mpState).toBe('runnable')
    expect(vcpu.features).toEqual(release.traits.kvi ? ['psci_0_2'] : undefined)
  }
  const rivals = RELEASES.filter(other => other.version === release.version).length > 1
  const expected = [...(rivals ? ['layout-by-trial'] : []), ...(narrow ? ['vector-halves-missing'] : []), 'memory-elsewhere', 'devices-not-read']
  expect(findings.map(({ code }) => code)).toEqual(expected)
  expect(snapshot.unknown).toEqual([{ name: 'firecracker-devices', bytes: smallVm.devices }])
})

test.each(rows)('%s goes into an archive and comes out of it', async (_name, release) => {
  const { snapshot } = await read(makeVmstate(release))
  expect(await comparable(await readArchive(await archiveOf(snapshot)))).toEqual(await comparable(snapshot))
})

test('an SVE vCPU keeps its wide registers', async () => {
  const registers: (readonly [bigint, bigint])[] = [
    [PC, 1n],
    [0x6080_0000_0015_0000n, (1n << 2000n) + 5n],
    [VLS, 3n],
    [MPIDR, 0x8000_0000n],
  ]
  for (const release of RELEASES.filter(({ traits }) => traits.registers === 'vector')) {
    const { snapshot } = await read(makeVmstate(release, { vcpus: [registers], features: 0x14 }))
    expect([...registerEntries(snapshot.vcpus[0]!.registers)].map(([id, value]) => [id, bytesToBigint(value)])).toEqual(registers)
    expect(snapshot.vcpus[0]!.features).toEqual(['psci_0_2', 'sve'])
  }
})

test('what Firecracker saves of power states and features', async () => {
  const release = rowOf('6.0.0', '1.12.0')
  const seen = async (mpState: number, features = 4) => {
    const { snapshot, findings } = await read(makeVmstate(release, { vcpus: [someRegisters(0)], mpState, features }))
    const { mpState: shown, features: named } = snapshot.vcpus[0]!
    return [shown, named, findings.filter(({ vcpu }) => vcpu !== undefined).map(({ severity, code }) => `${severity} ${code}`)]
  }
  expect(await seen(0)).toEqual(['runnable', ['psci_0_2'], []])
  expect(await seen(5, 0x65)).toEqual(['stopped', ['power_off', 'psci_0_2', 'ptrauth_address', 'ptrauth_generic'], []])
  expect(await seen(10)).toEqual(['suspended', ['psci_0_2'], []])
  expect(await seen(3)).toEqual(['stopped', ['psci_0_2'], ['warning mp-state-unknown']])
  expect(await seen(77, 0x8000_0004)).toEqual(['runnable', ['psci_0_2'], ['warning features-unknown', 'error mp-state-unknown']])
})

test('MPIDR stands in the file twice; when they differ, it is said', async () => {
  const { findings } = await read(makeVmstate(rowOf('3.0.0', '1.9.0'), { vcpus: [[[MPIDR, 0x8000_0007n]]] }))
  expect(findings.find(({ code }) => code === 'mpidr-differs')).toMatchObject({ vcpu: 0, register: 'MPIDR_EL1' })
})

test('an interrupt controller for another number of vCPUs is an error of the file', async () => {
  const { vm } = stateOf(rowOf('3.0.0', '1.9.0'), { vcpus: [[], [], []] })
  const { findings } = await read(makeVmstate(rowOf('3.0.0', '1.9.0'), { vcpus: [someRegisters(0)], gic: vm.gic }))
  expect(findings.find(({ code }) => code === 'gic-vcpu-count')).toMatchObject({
    severity: 'error',
    message: expect.stringContaining('3 vCPU parts, the VM 1'),
  })
})

test('the two layouts of one version refuse each other', async () => {
  for (const [version, first, other] of [
    ['8.0.0', '1.13.0', '1.14'],
    ['8.0.0', '1.14.0', '1.13'],
    ['4', '1.0.0', '1.1.4'],
    ['5', '1.1.0', '1.1.4'],
  ] as const) {
    const bytes = makeVmstate(rowOf(version, first))
    expect((await read(bytes)).snapshot.origin.vmm).toContain(`v${first}`)
    expect((await read(bytes, { vmmVersion: first })).snapshot.origin.vmm).toContain(`v${first}`)
    expect(await failure(bytes, { vmmVersion: other })).toMatchObject({ code: expect.stringMatching(/INPUT_CORRUPT|LIMIT_EXCEEDED/) })
  }
})

test('a file that fits two layouts is not guessed: the release has to be named', async () => {
  // Without vCPUs nothing tells slots of 64 bits from slots of 128.
  const bytes = makeVmstate(rowOf('5', '1.1.0'), { vcpus: [] })
  expect(await failure(bytes)).toMatchObject({ code: 'FORMAT_AMBIGUOUS', exitCode: 11, hint: expect.stringContaining('--vmm-version') })
  const { snapshot, findings } = await read(bytes, { vmmVersion: '1.1.2' })
  expect(snapshot.origin.vmm).toBe('Firecracker v1.1.0 to v1.1.3')
  expect(findings.find(({ code }) => code === 'layout-by-trial')?.message).toMatch(/as told/)
  expect(await failure(bytes, { vmmVersion: '1.9' })).toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(/written by Firecracker v1\.1\.0 .* not by v1\.9/),
  })
})

const withVersion = (version: string, encoding: 'bincode' | 'bitcode'): Uint8Array => makeVmstate({ ...rowOf('9.0.0', '1.15.0'), version, encoding })

test.each<[string, Uint8Array, string, RegExp]>([
  ['a version from the future', withVersion('12.0.0', 'bitcode'), 'FORMAT_TOO_NEW', /12\.0\.0 \(said to be of Firecracker v1\.17\.0\).*known are 1\.0\.0/],
  ['a minor version nobody knows', withVersion('9.1.0', 'bitcode'), 'FORMAT_TOO_NEW', /snapshot version 9\.1\.0 in bitcode/],
  ['a known version in another encoding', withVersion('9.0.0', 'bincode'), 'FORMAT_TOO_NEW', /9\.0\.0 in bincode/],
  ['a data version from the future', makeVmstate({ ...rowOf('10', '1.6.0'), version: '11' }), 'FORMAT_TOO_NEW', /data version 11/],
  ['a release before v1.0', makeVmstate({ ...rowOf('4', '1.0.0'), version: '3' }), 'FORMAT_FOREIGN', /data version 3, of a release before v1\.0/],
])('%s is refused by name', async (_name, bytes, code, message) => {
  expect(await failure(bytes)).toMatchObject({ code, message: expect.stringMatching(message), at: { file: 'guest.vmstate', offset: expect.any(Number) } })
})

test('a version that is not known, with a checksum that is wrong, is said to be perhaps damaged', async () => {
  const bytes = withVersion('12.0.0', 'bitcode')
  bytes[40]! ^= 1
  expect(await failure(bytes)).toMatchObject({ code: 'FORMAT_TOO_NEW', message: expect.stringContaining('damaged rather than new') })
})

test.each(['versionize', 'bincode', 'bitcode'] as const)('an x86_64 snapshot in %s is recognised and refused', async encoding => {
  const release = RELEASES.find(each => each.encoding === encoding)!
  const bytes = makeVmstate(release)
  bytes.set(bigintToBytes(encoding === 'versionize' ? 0x0710_1984_8664_0001n : 0x0710_1984_8664_0000n, 8), encoding === 'bitcode' ? 1 : 0)
  expect(firecrackerVmstate.sniff(bytes)?.because).toContain('x86_64')
  expect(await failure(fixCrc(bytes))).toMatchObject({ code: 'FORMAT_FOREIGN', message: expect.stringContaining('x86_64') })
})

test('another format of versionize is refused', async () => {
  const bytes = makeVmstate(RELEASES[0]!)
  bytes[0] = 2
  expect(await failure(bytes)).toMatchObject({ code: 'FORMAT_TOO_NEW', message: expect.stringContaining('versionize format 2') })
})

test('the checksum is checked before anything is believed', async () => {
  const bytes = makeVmstate(rowOf('6.0.0', '1.12.0'))
  bytes[bytes.length - 20]! ^= 0x40
  expect(await failure(bytes)).toMatchObject({ code: 'INPUT_CORRUPT', message: expect.stringMatching(/checksum/), at: { offset: bytes.length - 8 } })
  expect(crc64Bytes(bytes)).not.toEqual(new Uint8Array(8))
})

test.each<[string, (bytes: readonly (readonly [bigint, bigint])[]) => readonly (readonly [bigint, bigint])[], RegExp]>([
  ['an id of another architecture', list => [[0x4030_0000_0013_c000n, 0n], ...list], /0x4030000000000000|0x403000000013c000, which is no arm64 id/],
  ['an id of more bytes than Firecracker takes', list => [[0x6090_0000_0013_c000n, 0n], ...list], /0x609000000013c000, which is no arm64 id of at most 256/],
])('%s is refused', async (_name, change, message) => {
  const bytes = makeVmstate(rowOf('6.0.0', '1.12.0'), { vcpus: [change(someRegisters(0))] })
  expect(await failure(bytes)).toMatchObject({ code: 'INPUT_CORRUPT', message: expect.stringMatching(message), at: { vcpu: 0 } })
})

test('a register of a group that no kernel has yet is kept as it is', async () => {
  const bytes = makeVmstate(rowOf('6.0.0', '1.12.0'), { vcpus: [[[0x6030_0000_0099_0000n, 7n], ...someRegisters(0)]] })
  const { registers } = (await firecrackerVmstate.read(bytesSource(bytes))).snapshot.vcpus[0]!
  expect(registerValue(registers, 0x6030_0000_0099_0000n)).toBe(7n)
  expect(Buffer.compare(encodeVmstate(readVmstate(bytes, 'x')), bytes)).toBe(0)
})

test('a wide register in a slot of an early release is refused', async () => {
  const bytes = makeVmstate(rowOf('6', '1.2.0'), { vcpus: [[[VLS, 1n]]] })
  expect(await failure(bytes)).toMatchObject({ code: 'INPUT_CORRUPT', message: expect.stringContaining('64 bytes in a slot of 16') })
})

test('values that are not as long as their ids say are refused', async () => {
  const release = rowOf('6.0.0', '1.12.0')
  const { vcpus, ...state } = stateOf(release, { vcpus: [someRegisters(0)] })
  const regs = vcpus[0]!.regs as { ids: bigint[]; data: Uint8Array }
  const vmstate = readVmstate(makeVmstate(release), 'x')
  const bytes = encodeVmstate({ ...vmstate, state: { ...state, vcpus } }, [{ ...vcpus[0]!, regs: { ids: regs.ids, data: regs.data.subarray(1) } }])
  expect(await failure(bytes)).toMatchObject({ code: 'INPUT_CORRUPT', message: expect.stringMatching(/ids for 44 bytes of values, and 43 bytes/) })
})
