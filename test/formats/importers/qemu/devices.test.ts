// What is around the vCPUs: interrupt controllers in the common shape, versions, accelerators, and guests too large to index at once.
import { describe, expect, test } from 'vitest'
import { registerName } from '../../../../src/arch/catalogue/catalogue.ts'
import { qemu } from '../../../../src/formats/importers/qemu/importer.ts'
import { RamIndex } from '../../../../src/formats/importers/qemu/ram-index.ts'
import { walkStream } from '../../../../src/formats/importers/qemu/stream.ts'
import { guessVersion } from '../../../../src/formats/importers/qemu/version.ts'
import { parseReglist } from '../../../../src/formats/importers/reglist/read.ts'
import { reglistText } from '../../../../src/formats/importers/reglist/write.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { GICD, GICR, type GicState, type ItsState, wordAt } from '../../../../src/model/gic.ts'
import { archiveOf, readArchive } from '../../archive/archive-bytes.ts'
import { makeStream, type PageSpec } from './make-stream.ts'
import { ENTRIES, type Entry, hasSamples, readSample } from './samples.ts'

const walk = (bytes: Uint8Array, name: string) => walkStream(bytesSource(bytes, name), { pages: { page() {} } })
const streams = ENTRIES.filter(({ name }) => name.endsWith('.mig') && !/mappedram/.test(name))
const NEWEST = 11.1

describe.skipIf(!hasSamples)('samples', () => {
  test.each(streams)('$name: every known section is read by its layout, with or without a description', async entry => {
    const { sections } = await walk(readSample(entry), entry.name)
    const known = sections.filter(({ name }) => ['cpu', 'cpu_common', 'arm_gic', 'arm_gicv3', 'arm_gicv3_its', 'timer', 'globalstate'].includes(name))
    expect(known.length).toBeGreaterThan(3)
    expect(known.filter(({ by }) => by !== 'layout').map(({ name }) => name)).toEqual([])
    expect(known.filter(({ unknownFrom }) => unknownFrom !== undefined)).toEqual([])
  })

  test.each(streams.filter(({ qemu: version }) => /^\d/.test(version)))('$name: its QEMU is among the candidates', async entry => {
    const guess = guessVersion(await walk(readSample(entry), entry.name))
    const real = Number(/^\d+\.\d/.exec(entry.qemu)?.[0])
    expect(Number(guess.from)).toBeLessThanOrEqual(real)
    expect(Number(guess.to)).toBeGreaterThanOrEqual(Math.min(real, NEWEST))
  })

  test.each(streams)('$name: $accel is recognised, and no register is without a name', async entry => {
    const { snapshot, findings } = await qemu.read(bytesSource(readSample(entry), entry.name))
    expect(snapshot.origin.vmm).toContain(entry.accel.toUpperCase())
    expect(findings.some(({ code }) => code === 'saved-by-tcg')).toBe(entry.accel === 'tcg')
    const nameless = snapshot.vcpus.flatMap(({ registers }) => [...registers.ids].map(registerName)).filter(name => /^(0x|coproc)/.test(name))
    expect(nameless).toEqual([])
  })

  test.each(streams.filter(({ name }) => /gic3|-x6/.test(name)))('$name: the GICv3 by offsets is what stands in the section', async entry => {
    const bytes = readSample(entry)
    const [{ snapshot }, { sections }] = await Promise.all([qemu.read(bytesSource(bytes)), walk(bytes, entry.name)])
    expect(snapshot.gic).toBe('v3')
    const state = snapshot.devices.find(({ kind }) => kind === 'gic-v3')?.state as GicState
    const section = sections.find(({ name }) => name === 'arm_gicv3')!
    const raw = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.byteLength)
    // ctlr, statusr ×2, then bitmaps of 128 bytes: group, grpmod, enabled, pending, active
    expect(wordAt(state.distributor, GICD.ctlr)).toBe(raw.getUint32(0))
    const banks = [GICD.igroupr, GICD.igrpmodr, GICD.isenabler, GICD.ispendr, GICD.isactiver]
    banks.forEach((bank, i) => {
      for (let word = 1; word < 32; word++) expect(wordAt(state.distributor, bank + 4 * word) ?? 0).toBe(raw.getUint32(12 + 128 * i + 4 * word))
    })
    const cpus = 12 + 7 * 128 + 1020 + 8160 + 256
    expect(state.vcpus.map(({ vcpu }) => vcpu)).toEqual(snapshot.vcpus.map(({ index }) => index))
    expect(wordAt(state.vcpus[0]!.registers, GICR.waker)).toBe(raw.getUint32(cpus + 16))
    expect(wordAt(state.vcpus[0]!.registers, GICR.isenabler0)).toBe(raw.getUint32(cpus + 40))
    const pmr = state.vcpus[0]!.systemRegisters!.find(([encoding]) => encoding === 0xc230)![1]
    expect(pmr).toBe(raw.getBigUint64(cpus + 4 + 4 + 8 + 4 + 16 + 28 + 32 + 16))
  })

  test.each(streams.filter(({ name }) => /gic2/.test(name)))('$name: the GICv2 has its vCPUs, with all their SGIs enabled once the guest runs', async entry => {
    const { snapshot } = await qemu.read(bytesSource(readSample(entry)))
    expect(snapshot.gic).toBe('v2')
    const state = snapshot.devices.find(({ kind }) => kind === 'gic-v2')?.state as GicState
    expect(state.vcpus).toHaveLength(snapshot.vcpus.length)
    state.vcpus.forEach(({ registers, cpuInterface }, i) => {
      // ITARGETSR of a private interrupt names its own vCPU, in each of four bytes
      expect(wordAt(registers, GICD.itargetsr)).toBe((1 << i) * 0x0101_0101)
      expect(wordAt(cpuInterface!, 4)).toBeDefined()
    })
  })

  test('without a description a GIC is read the same', async () => {
    const gic = async (name: string) => {
      const { snapshot } = await qemu.read(bytesSource(readSample(ENTRIES.find(entry => entry.name === name) as Entry)))
      return snapshot.devices.filter(({ kind }) => /gic/.test(kind))
    }
    expect(await gic('tcg-q10.0-virt10.0-a72-gic3-1cpu-novmdesc.mig')).toEqual(await gic('tcg-q10.0-virt10.0-a72-gic3-1cpu-run.mig'))
  })

  test('a TCG guest with AArch32 views goes through an archive and a register list', async () => {
    const entry = ENTRIES.find(({ name }) => /a15-gic2-aarch32/.test(name)) as Entry
    const { snapshot } = await qemu.read(bytesSource(readSample(entry)))
    const ids = [...snapshot.vcpus[0]!.registers.ids]
    expect(ids.filter(id => id >> 56n === 0x40n).length).toBeGreaterThan(100)
    expect([...(await readArchive(await archiveOf(snapshot))).vcpus[0]!.registers.ids]).toEqual(ids)
    const { text } = reglistText(snapshot)
    expect([...parseReglist(new TextEncoder().encode(text), 'a.json').snapshot.vcpus[0]!.registers.ids]).toEqual(ids)
  })

  test('an ITS has its registers, a host with one says so', async () => {
    const entry = ENTRIES.find(({ name }) => /its-1cpu/.test(name)) as Entry
    const { snapshot } = await qemu.read(bytesSource(readSample(entry)))
    const state = snapshot.devices.find(({ kind }) => kind === 'gic-its')?.state as ItsState
    expect(state.registers.map(([offset]) => offset)).toEqual([0, 4, 0x80, 0x88, 0x90, 0x100, 0x108, 0x110, 0x118, 0x120, 0x128, 0x130, 0x138])
  })
})

test('a guest too large to index is counted all the same, and indexed in windows when its memory is read', async () => {
  const pageSize = 4096
  const groups = 4200 // each 16 MiB: more than are indexed at once
  const block = 'mach-virt.ram'
  const parts: PageSpec[][] = [Array.from({ length: groups }, (_, i) => ({ kind: 'zero', block, page: i * 4096 + (i % 4096), fill: (i % 255) + 1 }))]
  parts.push([
    { kind: 'zero', block, page: 0, fill: 9 },
    { kind: 'zero', block, page: 4096 + 1 },
  ])
  const bytes = makeStream({ pageBits: 12, blocks: [{ name: block, size: groups * 2 ** 24 }], parts })
  const { snapshot } = await qemu.read(bytesSource(bytes))
  const [region] = snapshot.memory
  expect(region).toMatchObject({ size: groups * 2 ** 24, present: (groups - 1) * pageSize })
  const seen: [number, number, number][] = []
  for await (const { offset, data } of region!.chunks()) seen.push([offset, data.length, data[0] ?? 0])
  const wanted = Array.from({ length: groups }, (_, i) => [(i * 4096 + (i % 4096)) * pageSize, pageSize, i === 0 ? 9 : (i % 255) + 1]).filter((_, i) => i !== 1)
  expect(seen).toEqual(wanted)
  const index = new RamIndex(bytesSource(bytes))
  await walkStream(bytesSource(bytes), { pages: index })
  expect(index.isWhole).toBe(false)
})
