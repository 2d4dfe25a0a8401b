// GICv2 by itself: senders of SGIs, targets, groups, through its two frames.
import { describe, expect, test } from 'vitest'
import { createGic, FRAMES, type Gic, type Topology } from '../../../../src/emulator/devices/gic/gic.ts'
import { ICC } from '../../../../src/emulator/devices/gic/icc.ts'
import { GICC, GICD } from '../../../../src/model/gic.ts'

const topology = (cpus: number): Topology => ({ cpus, vcpuIndex: cpu => cpu, affinity: cpu => cpu })
const SPURIOUS = 1023
const SPI = 40
const line = (gic: Gic, cpu: number): string => ['-', 'irq', 'fiq'][gic.signals(cpu)] ?? 'both'

describe('GICv2', () => {
  const cpuInterface = (offset: number): number => FRAMES.gicc + offset
  const [IAR, EOIR, AIAR, DIR, SGIR] = [0x0c, 0x10, 0x20, 0x1000, 0xf00]
  function v2(cpus = 3): Gic {
    const gic = createGic('v2', topology(cpus))
    gic.write(0, GICD.ctlr, 4, 1n)
    for (let cpu = 0; cpu < cpus; cpu++) {
      gic.write(cpu, cpuInterface(GICC.ctlr), 4, 1n)
      gic.write(cpu, cpuInterface(GICC.pmr), 4, 0xf8n)
    }
    return gic
  }
  const read = (gic: Gic, cpu: number, offset: number): number => Number(gic.read(cpu, cpuInterface(offset), 4))

  test('identifies itself as KVM does', () => {
    const gic = v2()
    expect(gic.read(0, GICD.typer, 4)).toBe(0x48n)
    expect(gic.read(0, GICD.iidr, 4)).toBe(0x4b00_343bn)
    expect(gic.read(0, cpuInterface(0xfc), 4)).toBe(0x4b02_043bn)
    expect(gic.readIcc(0, ICC.sre)).toBeUndefined()
    expect(gic.writeIcc(0, ICC.pmr, 0n)).toBe(false)
  })
  test('an SGI says who sent it; two senders are two interrupts', () => {
    const gic = v2()
    gic.write(1, SGIR, 4, 0x0004_0005n) // to 2
    gic.write(0, SGIR, 4, 0x0100_0005n) // to all but 0
    expect([0, 1, 2].map(cpu => line(gic, cpu))).toEqual(['-', 'irq', 'irq'])
    expect(gic.read(2, 0xf24, 4)).toBe(0x0300n)
    expect(read(gic, 2, IAR)).toBe(5)
    expect([read(gic, 2, IAR), line(gic, 2)]).toEqual([SPURIOUS, '-'])
    gic.write(2, cpuInterface(EOIR), 4, 5n)
    expect(read(gic, 2, IAR)).toBe(5 | (1 << 10))
    gic.write(2, cpuInterface(EOIR), 4, 5n | (1n << 10n))
    expect(read(gic, 2, IAR)).toBe(SPURIOUS)
    gic.write(1, SGIR, 4, 0x0200_0007n) // to itself
    expect(read(gic, 1, IAR)).toBe(5)
  })
  test('targets are sets of CPU interfaces, of which the lowest is interrupted', () => {
    const gic = v2()
    gic.write(0, GICD.isenabler + 4, 4, 0x100n)
    gic.write(0, GICD.itargetsr + SPI, 1, 0xfen)
    expect(gic.read(0, GICD.itargetsr + SPI, 1)).toBe(6n)
    expect([0, 1, 2].map(cpu => gic.read(cpu, GICD.itargetsr, 4))).toEqual([0x0101_0101n, 0x0202_0202n, 0x0404_0404n])
    gic.setSharedLine(SPI - 32, true)
    expect([0, 1, 2].map(cpu => line(gic, cpu))).toEqual(['-', 'irq', '-'])
  })
  test('group 1 needs its own register, or AckCtl; group 0 is a FIQ when told to', () => {
    const gic = v2()
    gic.write(0, GICD.isenabler + 4, 4, 0x300n)
    gic.write(0, GICD.igroupr + 4, 4, 0x100n)
    gic.setSharedLine(SPI - 32, true)
    gic.write(0, cpuInterface(GICC.ctlr), 4, 0xbn)
    expect([line(gic, 0), read(gic, 0, IAR), read(gic, 0, GICC.hppir)]).toEqual(['irq', 1022, 1022])
    expect(read(gic, 0, AIAR)).toBe(SPI)
    gic.write(0, cpuInterface(EOIR), 4, BigInt(SPI))
    gic.write(0, GICD.ipriorityr + SPI + 1, 1, 0n)
    gic.write(0, GICD.ipriorityr + SPI, 1, 0x80n)
    gic.setSharedLine(SPI - 31, true)
    expect([line(gic, 0), read(gic, 0, AIAR), read(gic, 0, IAR)]).toEqual(['fiq', SPURIOUS, SPI + 1])
    gic.setSharedLine(SPI - 31, false)
    gic.write(0, cpuInterface(EOIR), 4, BigInt(SPI + 1))
    gic.write(0, cpuInterface(GICC.ctlr), 4, 0x207n)
    expect(read(gic, 0, IAR)).toBe(SPI)
    gic.write(0, cpuInterface(EOIR), 4, BigInt(SPI))
    expect([read(gic, 0, GICC.rpr), line(gic, 0)]).toEqual([0xff, '-'])
    gic.write(0, cpuInterface(DIR), 4, BigInt(SPI))
    expect(line(gic, 0)).toBe('irq')
  })
  test('SGIs are made pending by their senders only', () => {
    const gic = v2()
    gic.write(0, GICD.ispendr, 4, 0x0800_0002n)
    expect(gic.read(0, GICD.ispendr, 4)).toBe(0x0800_0000n)
    gic.write(0, 0xf20, 4, 0x0200n)
    expect(gic.read(0, GICD.ispendr, 4)).toBe(0x0800_0002n)
    gic.write(0, 0xf10, 4, 0x0200n)
    expect(gic.read(0, GICD.ispendr, 4)).toBe(0x0800_0000n)
  })
})
