// The GIC by itself: what is signalled, acknowledged and ended, through registers as guests see them.
import { describe, expect, test } from 'vitest'
import { LINE_FIQ, LINE_IRQ } from '../../../../src/emulator/devices/gic/cpu-interface.ts'
import { createGic, FRAMES, type Gic, type Topology } from '../../../../src/emulator/devices/gic/gic.ts'
import { ICC } from '../../../../src/emulator/devices/gic/icc.ts'
import { GICC, GICD, type GicState } from '../../../../src/model/gic.ts'

const CLUSTER = 4
/** Four vCPUs to a cluster. */
const topology = (cpus: number): Topology => ({ cpus, vcpuIndex: cpu => cpu, affinity: cpu => (Math.floor(cpu / CLUSTER) << 8) | (cpu % CLUSTER) })
const SGI_FRAME = 0x1_0000
const redistributor = (cpu: number): number => FRAMES.redistributors + cpu * FRAMES.redistributorStride
const SPURIOUS = 1023
const SPI = 40

function v3(cpus = 2): Gic {
  const gic = createGic('v3', topology(cpus))
  gic.write(0, GICD.ctlr, 4, 2n)
  for (let cpu = 0; cpu < cpus; cpu++) {
    gic.writeIcc(cpu, ICC.pmr, 0xf8n)
    gic.writeIcc(cpu, ICC.igrpen1, 1n)
    gic.write(cpu, redistributor(cpu) + SGI_FRAME + GICD.isenabler, 4, 0xffff_ffffn)
    for (let intid = 0; intid < 32; intid++) gic.write(cpu, redistributor(cpu) + SGI_FRAME + GICD.ipriorityr + intid, 1, 0xa0n)
  }
  return gic
}
function enableSpi(gic: Gic, intid: number, { priority = 0xa0, edge = false, affinity = 0 } = {}): void {
  const word = intid >> 5
  gic.write(0, GICD.isenabler + 4 * word, 4, 1n << BigInt(intid & 31))
  gic.write(0, GICD.ipriorityr + intid, 1, BigInt(priority))
  gic.write(0, GICD.icfgr + 8 * word + 4 * ((intid >> 4) & 1), 4, edge ? 2n << BigInt(2 * (intid & 15)) : 0n)
  gic.write(0, GICD.irouter + 8 * intid, 8, BigInt(affinity))
}
const icc = (gic: Gic, cpu: number, register: number): number => gic.readIcc(cpu, register)!
const line = (gic: Gic, cpu: number): string => ['-', 'irq', 'fiq'][gic.signals(cpu)] ?? `${LINE_IRQ} and ${LINE_FIQ}`

describe('GICv3', () => {
  test('identifies itself as KVM does', () => {
    const gic = v3(3)
    expect(gic.read(0, GICD.typer, 4)).toBe(0x48_0008n)
    expect(gic.read(0, GICD.ctlr, 4)).toBe(0x52n)
    expect(gic.read(0, GICD.iidr, 4)).toBe(0x4b00_343bn)
    expect(gic.read(0, 0xffe8, 4)).toBe(0x3bn)
    expect(gic.read(0, redistributor(1) + 8, 8)).toBe(0x1_0000_0100n)
    expect(gic.read(0, redistributor(2) + 8, 8)).toBe(0x2_0000_0210n)
    expect(gic.read(0, redistributor(2) + 12, 4)).toBe(2n)
    expect(icc(gic, 0, ICC.sre)).toBe(7)
    expect(icc(gic, 0, ICC.ctlr)).toBe(0x8c00)
    expect(gic.readIcc(0, ICC.ap1r0 + 1)).toBeUndefined()
  })

  test('a level-sensitive interrupt comes back until its line falls', () => {
    const gic = v3()
    enableSpi(gic, SPI)
    gic.setSharedLine(SPI - 32, true)
    expect([line(gic, 0), line(gic, 1)]).toEqual(['irq', '-'])
    expect(icc(gic, 0, ICC.hppir1)).toBe(SPI)
    expect(icc(gic, 0, ICC.iar1)).toBe(SPI)
    expect([line(gic, 0), icc(gic, 0, ICC.rpr), icc(gic, 0, ICC.iar1)]).toEqual(['-', 0xa0, SPURIOUS])
    gic.writeIcc(0, ICC.eoir1, BigInt(SPI))
    expect([line(gic, 0), icc(gic, 0, ICC.rpr)]).toEqual(['irq', 0xff])
    gic.setSharedLine(SPI - 32, false)
    expect([line(gic, 0), icc(gic, 0, ICC.iar1)]).toEqual(['-', SPURIOUS])
  })
  test('an edge is remembered, once, also while the interrupt is active', () => {
    const gic = v3()
    enableSpi(gic, SPI, { edge: true })
    for (const level of [true, false, true, false]) gic.setSharedLine(SPI - 32, level)
    expect(icc(gic, 0, ICC.iar1)).toBe(SPI)
    for (const level of [true, false]) gic.setSharedLine(SPI - 32, level)
    expect([line(gic, 0), gic.read(0, GICD.ispendr + 4, 4)]).toEqual(['-', 0x100n])
    gic.writeIcc(0, ICC.eoir1, BigInt(SPI))
    expect(icc(gic, 0, ICC.iar1)).toBe(SPI)
    gic.writeIcc(0, ICC.eoir1, BigInt(SPI))
    expect(icc(gic, 0, ICC.iar1)).toBe(SPURIOUS)
  })
  test('the more urgent one comes first, and interrupts the other', () => {
    const gic = v3()
    enableSpi(gic, 50, { priority: 0x80 })
    enableSpi(gic, 60, { priority: 0x40 })
    enableSpi(gic, 61, { priority: 0x40 })
    gic.setSharedLine(50 - 32, true)
    expect(icc(gic, 0, ICC.iar1)).toBe(50)
    gic.setSharedLine(61 - 32, true)
    gic.setSharedLine(60 - 32, true)
    expect([line(gic, 0), icc(gic, 0, ICC.iar1), icc(gic, 0, ICC.rpr), line(gic, 0)]).toEqual(['irq', 60, 0x40, '-'])
    expect(icc(gic, 0, ICC.ap1r0)).toBe((1 << (0x80 >> 3)) | (1 << (0x40 >> 3)))
    gic.setSharedLine(60 - 32, false)
    gic.writeIcc(0, ICC.eoir1, 60n)
    expect([icc(gic, 0, ICC.rpr), icc(gic, 0, ICC.iar1)]).toEqual([0x80, 61])
  })
  test('priorities have five bits, and the mask and the binary point hold interrupts back', () => {
    const gic = v3()
    enableSpi(gic, 50, { priority: 0xa7 })
    enableSpi(gic, 51, { priority: 0x90 })
    expect(gic.read(0, GICD.ipriorityr + 50, 1)).toBe(0xa0n)
    gic.setSharedLine(50 - 32, true)
    gic.writeIcc(0, ICC.pmr, 0xa0n)
    expect([line(gic, 0), icc(gic, 0, ICC.iar1), icc(gic, 0, ICC.hppir1)]).toEqual(['-', SPURIOUS, 50])
    gic.writeIcc(0, ICC.pmr, 0xa8n)
    gic.writeIcc(0, ICC.bpr1, 6n) // bits 7:6 decide: 0xa0 and 0x90 are both 0x80
    expect([icc(gic, 0, ICC.iar1), icc(gic, 0, ICC.rpr)]).toEqual([50, 0x80])
    gic.setSharedLine(51 - 32, true)
    expect(line(gic, 0)).toBe('-')
    gic.writeIcc(0, ICC.eoir1, 50n)
    gic.writeIcc(0, ICC.bpr1, 0n)
    expect(icc(gic, 0, ICC.bpr1)).toBe(3)
    expect([icc(gic, 0, ICC.iar1), icc(gic, 0, ICC.rpr)]).toEqual([51, 0x90])
    gic.writeIcc(0, ICC.bpr0, 0n)
    gic.writeIcc(0, ICC.ctlr, 1n)
    expect([icc(gic, 0, ICC.bpr0), icc(gic, 0, ICC.bpr1)]).toEqual([2, 3])
  })
  test('with EOImode 1, end of interrupt drops the priority only', () => {
    const gic = v3()
    enableSpi(gic, SPI)
    gic.writeIcc(0, ICC.ctlr, 2n)
    gic.setSharedLine(SPI - 32, true)
    expect(icc(gic, 0, ICC.iar1)).toBe(SPI)
    gic.writeIcc(0, ICC.eoir1, BigInt(SPI))
    expect([icc(gic, 0, ICC.rpr), gic.read(0, GICD.isactiver + 4, 4), line(gic, 0)]).toEqual([0xff, 0x100n, '-'])
    gic.writeIcc(1, ICC.ctlr, 2n)
    gic.writeIcc(1, ICC.dir, BigInt(SPI)) // any vCPU may
    expect([gic.read(0, GICD.isactiver + 4, 4), line(gic, 0)]).toEqual([0n, 'irq'])
  })
  test('group 0 goes by FIQ, through registers of its own', () => {
    const gic = v3()
    enableSpi(gic, SPI)
    gic.write(0, GICD.igroupr + 4, 4, 0n)
    gic.setSharedLine(SPI - 32, true)
    expect(line(gic, 0)).toBe('-')
    gic.writeIcc(0, ICC.igrpen0, 1n)
    expect([line(gic, 0), icc(gic, 0, ICC.iar1), icc(gic, 0, ICC.hppir0)]).toEqual(['fiq', SPURIOUS, SPI])
    expect([icc(gic, 0, ICC.iar0), icc(gic, 0, ICC.ap0r0), icc(gic, 0, ICC.ap1r0)]).toEqual([SPI, 1 << (0xa0 >> 3), 0])
    gic.writeIcc(0, ICC.eoir0, BigInt(SPI))
    expect(icc(gic, 0, ICC.ap0r0)).toBe(0)
  })
  test('routes go by affinity; an affinity that nobody has gets nothing', () => {
    const gic = v3(6)
    enableSpi(gic, SPI, { affinity: 0x101 })
    gic.setSharedLine(SPI - 32, true)
    expect([0, 1, 2, 3, 4, 5].map(cpu => line(gic, cpu))).toEqual(['-', '-', '-', '-', '-', 'irq'])
    gic.write(0, GICD.irouter + 8 * SPI, 8, 0x1_0000_8000_0003n)
    expect([gic.read(0, GICD.irouter + 8 * SPI, 8), line(gic, 3), line(gic, 5)]).toEqual([3n, 'irq', '-'])
    gic.write(0, GICD.irouter + 8 * SPI, 4, 0x207n)
    expect([0, 1, 2, 3, 4, 5].map(cpu => line(gic, cpu))).toEqual(['-', '-', '-', '-', '-', '-'])
  })
  test('SGIs go to lists of one cluster, or to everybody else', () => {
    const gic = v3(6)
    const pending = (sgi: number) => [0, 1, 2, 3, 4, 5].filter(cpu => (gic.read(0, redistributor(cpu) + SGI_FRAME + GICD.ispendr, 4) >> BigInt(sgi)) & 1n)
    gic.writeIcc(0, ICC.sgi1r, 0x0300_000bn)
    expect(pending(3)).toEqual([0, 1, 3])
    gic.writeIcc(0, ICC.sgi1r, 0x0401_0003n)
    expect(pending(4)).toEqual([4, 5])
    gic.writeIcc(2, ICC.sgi1r, (1n << 40n) | 0x0500_0000n)
    expect(pending(5)).toEqual([0, 1, 3, 4, 5])
    gic.writeIcc(0, ICC.sgi0r, 0x0600_0001n) // reaches group 0 only
    expect(pending(6)).toEqual([])
    expect(icc(gic, 1, ICC.iar1)).toBe(3)
  })
  test('private interrupts are in the redistributors, and their triggers are fixed', () => {
    const gic = v3()
    expect([gic.read(0, GICD.isenabler, 4), gic.read(0, redistributor(1) + SGI_FRAME + GICD.isenabler, 4)]).toEqual([0n, 0xffff_ffffn])
    gic.write(0, redistributor(1) + SGI_FRAME + GICD.icfgr + 4, 4, 0xffff_ffffn)
    expect(gic.read(0, redistributor(1) + SGI_FRAME + GICD.icfgr, 4)).toBe(0xaaaa_aaaan)
    expect(gic.read(0, redistributor(1) + SGI_FRAME + GICD.icfgr + 4, 4)).toBe(0n)
    gic.setPrivateLine(1, 27, true)
    expect([line(gic, 0), line(gic, 1), icc(gic, 1, ICC.iar1)]).toEqual(['-', 'irq', 27])
  })
  test('nothing leaves a distributor or a group that is off', () => {
    const gic = v3()
    gic.setPrivateLine(0, 27, true)
    gic.write(0, GICD.ctlr, 4, 0n)
    expect(line(gic, 0)).toBe('-')
    gic.write(0, GICD.ctlr, 4, 2n)
    gic.writeIcc(0, ICC.igrpen1, 0n)
    expect([line(gic, 0), icc(gic, 0, ICC.iar1)]).toEqual(['-', SPURIOUS])
  })
  test('accesses of a size that a register does not have do nothing', () => {
    const gic = v3()
    gic.write(0, GICD.isenabler + 4, 1, 0xffn)
    gic.write(0, GICD.isenabler + 4, 8, 0xffn)
    expect(gic.read(0, GICD.isenabler + 4, 4)).toBe(0n)
    expect(gic.read(0, GICD.igroupr + 4, 2)).toBe(0n)
    expect(gic.claims(0x7_0000)).toBe(false)
    expect(gic.claims(redistributor(2))).toBe(false)
  })
})

describe('a saved state', () => {
  /** Everything differs from a fresh one. */
  function used(version: 'v2' | 'v3'): Gic {
    const gic = version === 'v3' ? v3(3) : createGic('v2', topology(3))
    gic.write(0, GICD.ctlr, 4, 3n)
    for (const offset of [GICD.isenabler, GICD.ipriorityr, GICD.itargetsr, GICD.icfgr, GICD.ispendr, GICD.isactiver])
      for (let n = 0; n < 12; n++) gic.write(1, offset + 4 * n, 4, BigInt(Math.imul(n + 1, 0x9e37_79b1) >>> 0))
    gic.write(0, GICD.irouter + 8 * SPI, 8, 2n)
    for (const spi of [0, 5, 77, 200]) gic.setSharedLine(spi, true)
    gic.setPrivateLine(1, 27, true)
    gic.write(2, version === 'v3' ? redistributor(2) + SGI_FRAME + GICD.isenabler + 0x80 : GICD.isenabler + 0x80, 4, 0x00f0n)
    if (version === 'v3') {
      gic.write(2, redistributor(2) + SGI_FRAME + GICD.ipriorityr, 4, 0x1020_3040n)
      gic.writeIcc(0, ICC.bpr0, 4n)
      gic.writeIcc(0, ICC.bpr1, 6n)
      gic.writeIcc(0, ICC.ctlr, 3n)
      gic.writeIcc(2, ICC.sgi1r, 0x0300_0007n)
      for (let cpu = 0; cpu < 3; cpu++) gic.readIcc(cpu, ICC.iar1)
    } else {
      gic.write(2, 0xf00, 4, 0x0003_0004n)
      gic.write(0, FRAMES.gicc + GICC.ctlr, 4, 0x21fn)
      gic.write(0, FRAMES.gicc + GICC.pmr, 4, 0xf0n)
      gic.write(0, FRAMES.gicc + 0x0c, 4, 0n)
      gic.read(0, FRAMES.gicc + 0x0c, 4)
    }
    return gic
  }
  test.each(['v2', 'v3'] as const)('of a %s comes back as it was', version => {
    const saved = structuredClone(used(version).save())
    expect(saved).not.toEqual(createGic(version, topology(3)).save())
    const again = createGic(version, topology(3), { saved })
    expect(again.save()).toEqual(saved)
    const first = used(version)
    for (let cpu = 0; cpu < 3; cpu++) expect(again.signals(cpu)).toBe(first.signals(cpu))
  })
  test('from a VMM that left out what it does not use has the rest fresh', () => {
    const state: GicState = {
      distributor: [
        { offset: GICD.ctlr, words: [0x52] },
        { offset: 0x184, words: [0xffff_ffff] }, // GICD_ICENABLER: reads as what is enabled
        { offset: GICD.isenabler + 4, words: [0x100, 0, 0] },
      ],
      vcpus: [{ vcpu: 1, registers: [{ offset: 0x1_0100, words: [0x0800_0000] }], systemRegisters: [[ICC.pmr, 0xf0n]] }],
    }
    const gic = createGic('v3', topology(2), { saved: state })
    expect(gic.read(0, GICD.isenabler + 4, 4)).toBe(0x100n)
    expect(gic.read(0, redistributor(1) + SGI_FRAME + GICD.isenabler, 4)).toBe(0x0800_0000n)
    expect(icc(gic, 1, ICC.pmr)).toBe(0xf0)
    expect(icc(gic, 0, ICC.pmr)).toBe(0)
  })
})
