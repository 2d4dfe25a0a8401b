// The registers of every sample are those that QEMU's own monitor showed at the same moment.
import { expect, test } from 'vitest'
import { qemu } from '../../../../src/formats/importers/qemu/importer.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { bytesToBigint, registerAt, registerValue } from '../../../../src/model/register-list.ts'
import type { VcpuSnapshot } from '../../../../src/model/snapshot.ts'
import { ENTRIES, type Printed, readPrinted, readSample } from './samples.ts'

const CORE = 0x6030_0000_0010_0000n
const PSCI = 0x6030_0000_0014_0000n
const core = (vcpu: VcpuSnapshot, offset: number): bigint | undefined => registerValue(vcpu.registers, CORE + BigInt(offset))

/** The stack pointer that the vCPU uses. */
function stackPointer(vcpu: VcpuSnapshot): bigint | undefined {
  const pstate = core(vcpu, 0x42) ?? 0n
  const level = (pstate >> 2n) & 3n
  if ((pstate & 1n) === 0n) return core(vcpu, 0x3e)
  if (level === 1n) return core(vcpu, 0x44)
  return level === 2n ? registerValue(vcpu.registers, 0x6030_0000_0013_f208n) : undefined
}

function vector(vcpu: VcpuSnapshot, n: number): bigint | undefined {
  const v = registerValue(vcpu.registers, 0x6040_0000_0010_0054n + BigInt(4 * n))
  if (v !== undefined) return v
  const at = vcpu.registers.ids.indexOf(0x6080_0000_0015_0000n + BigInt(n << 5))
  return at < 0 ? undefined : bytesToBigint(registerAt(vcpu.registers, at))
}

const low = (value: bigint | undefined, bits: bigint): bigint | undefined => (value === undefined ? undefined : BigInt.asUintN(Number(bits), value))
const two = (n: number): string => String(n).padStart(2, '0')

/** What the importer says under the names that the monitor uses. */
function asPrinted(vcpu: VcpuSnapshot, printed: Printed): ReadonlyMap<string, bigint | undefined> {
  const found = new Map<string, bigint | undefined>()
  const aarch32 = printed.has('R00')
  const mode = Number((core(vcpu, 0x42) ?? 0n) & 0x1fn)
  for (const name of printed.keys()) {
    const n = Number(name.slice(1))
    if (name === 'PC') found.set(name, core(vcpu, 0x40))
    else if (name === 'SP') found.set(name, stackPointer(vcpu))
    else if (name === 'PSTATE' || name === 'PSR') found.set(name, core(vcpu, 0x42))
    else if (name === 'FPSR' || name === 'FPCR') found.set(name, registerValue(vcpu.registers, 0x6020_0000_0010_00d4n + (name === 'FPCR' ? 1n : 0n)))
    else if (/^X\d/.test(name)) found.set(name, core(vcpu, 2 * n))
    else if (/^Q\d/.test(name)) found.set(name, low(vector(vcpu, n), 128n))
    else if (/^d\d/.test(name)) found.set(name, ((vector(vcpu, n >> 1) ?? 0n) >> BigInt(64 * (n & 1))) & 0xffff_ffff_ffff_ffffn)
    else if (/^Z\d/.test(name)) found.set(name, vector(vcpu, n))
    else if (aarch32 && /^R\d/.test(name)) found.set(name, n === 15 ? core(vcpu, 0x40) : core(vcpu, 2 * bankedIndex(n, mode)))
  }
  return found
}

/** r13 and r14 by mode, as X registers; user and system mode have X13 and X14. */
const BANKS: Readonly<Record<number, readonly [number, number]>> = { 19: [19, 18], 23: [21, 20], 27: [23, 22], 18: [17, 16], 17: [29, 30], 26: [15, 14] }

/** The X register in which rN of a mode is seen. */
function bankedIndex(n: number, mode: number): number {
  if (n < 13) return n
  const [r13, r14] = BANKS[mode] ?? [13, 14]
  return n === 13 ? r13 : r14
}

const withRegs = ENTRIES.filter(entry => entry.regs !== undefined)

test.skipIf(withRegs.length === 0).each(withRegs)('$name: registers are those of the monitor', async entry => {
  const { snapshot } = await qemu.read(bytesSource(readSample(entry), entry.name))
  const printed = readPrinted(entry)
  expect(printed.length).toBe(snapshot.vcpus.length)
  expect(printed.length).toBeGreaterThan(0)
  let compared = 0
  printed.forEach((shown, i) => {
    const vcpu = snapshot.vcpus[i]!
    expect(vcpu.index).toBe(i)
    const mine = asPrinted(vcpu, shown)
    for (const [name, value] of shown) {
      if (!mine.has(name) || (name === 'SP' && mine.get(name) === undefined)) continue
      expect(mine.get(name), `vCPU ${i} ${name}`).toBe(/^Z/.test(name) ? value & ((1n << 1152n) - 1n) : value)
      compared++
    }
    expect(compared).toBeGreaterThan((i + 1) * 30)
    if (shown.has('X00')) for (let n = 0; n < 31; n++) expect(shown.has(`X${two(n)}`)).toBe(true)
  })
})

const ran = ENTRIES.filter(entry => /-(run|on|off)\b/.test(entry.name) && entry.accel === 'kvm')

test.skipIf(ran.length === 0).each(ran)('$name: X27 is what the guest got from PSCI_VERSION', async entry => {
  const { snapshot } = await qemu.read(bytesSource(readSample(entry), entry.name))
  const [boot] = snapshot.vcpus
  const expected = /crafted/.test(entry.name) ? undefined : registerValue(boot!.registers, PSCI)
  if (expected !== undefined) expect(core(boot!, 54)).toBe(expected)
  expect(core(boot!, 52)).toBe(0xb007n)
})

// A suite even where ../shared is absent: a file without any test is an error.
test.skipIf(ENTRIES.length === 0)('there are samples of both accelerators to compare with', () => {
  expect(ENTRIES.map(({ file }) => file.slice(0, 3))).toEqual(expect.arrayContaining(['kvm', 'tcg']))
})
