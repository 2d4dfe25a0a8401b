// The ITS: commands through its queue, LPIs that reach vCPUs, tables in memory, and a saved one that comes back from either.
import { beforeEach, describe, expect, test } from 'vitest'
import type { DeviceMemory } from '../../../../src/emulator/devices/device.ts'
import { createGic, FRAMES, type Gic, type Topology } from '../../../../src/emulator/devices/gic/gic.ts'
import { ICC } from '../../../../src/emulator/devices/gic/icc.ts'
import { GICD, GICR, GITS, type GicState, type ItsState } from '../../../../src/model/gic.ts'

const CPUS = 4
const topology: Topology = { cpus: CPUS, vcpuIndex: cpu => cpu, affinity: cpu => cpu }
const BASE = 0x4000_0000n
const [QUEUE, DEVICES, COLLECTIONS, ITT, CONFIG, PENDING, LEVEL2] = [0n, 0x1_0000n, 0x2_0000n, 0x3_0000n, 0x4_0000n, 0x6_0000n, 0xb_0000n].map(
  n => BASE + n,
) as [bigint, bigint, bigint, bigint, bigint, bigint, bigint]
const VALID = 1n << 63n
const SPURIOUS = 1023
const LPI = 8195

class Ram implements DeviceMemory {
  readonly bytes: Uint8Array
  constructor(bytes = new Uint8Array(0x10_0000)) {
    this.bytes = bytes
  }
  read(address: bigint, length: number): Uint8Array | undefined {
    const at = Number(address - BASE)
    return at >= 0 && at + length <= this.bytes.length ? this.bytes.slice(at, at + length) : undefined
  }
  write(address: bigint, bytes: Uint8Array): boolean {
    const at = Number(address - BASE)
    if (at < 0 || at + bytes.length > this.bytes.length) return false
    this.bytes.set(bytes, at)
    return true
  }
  word(address: bigint): bigint {
    return new DataView(this.bytes.buffer).getBigUint64(Number(address - BASE), true)
  }
}

let ram: Ram
let gic: Gic
let queued = 0n
const its = (offset: number): number => FRAMES.its + offset
const redistributor = (cpu: number): number => FRAMES.redistributors + cpu * FRAMES.redistributorStride

function start(deviceTable = DEVICES | VALID): void {
  ram = new Ram()
  gic = createGic('v3', topology, { its: { memory: ram } })
  queued = 0n
  gic.write(0, GICD.ctlr, 4, 2n)
  for (let cpu = 0; cpu < CPUS; cpu++) {
    gic.writeIcc(cpu, ICC.pmr, 0xf8n)
    gic.writeIcc(cpu, ICC.igrpen1, 1n)
    gic.write(0, redistributor(cpu) + GICR.propbaser, 8, CONFIG | 13n)
    gic.write(0, redistributor(cpu) + GICR.pendbaser, 8, PENDING + BigInt(cpu) * 0x1_0000n)
    gic.write(0, redistributor(cpu) + GICR.ctlr, 4, 1n)
  }
  gic.write(0, its(GITS.baser), 8, deviceTable)
  gic.write(0, its(GITS.baser + 8), 8, COLLECTIONS | VALID)
  gic.write(0, its(GITS.cbaser), 8, QUEUE | VALID)
  gic.write(0, its(GITS.ctlr), 4, 1n)
}
/** Queues commands and has them done. */
function send(...commands: readonly (readonly [bigint, bigint, bigint, bigint?])[]): void {
  for (const command of commands) {
    const words = [command[0], command[1], command[2], command[3] ?? 0n]
    ram.write(QUEUE + queued, new Uint8Array(BigUint64Array.from(words).buffer))
    queued = (queued + 32n) % 4096n
  }
  gic.write(0, its(GITS.cwriter), 8, queued)
  expect(gic.read(0, its(GITS.creadr), 8)).toBe(queued)
}
const mapd = (device: number, table: bigint, bits = 8, valid = true) =>
  [(BigInt(device) << 32n) | 0x08n, BigInt(bits - 1), table | (valid ? VALID : 0n)] as const
const mapc = (collection: number, cpu: number, valid = true) => [0x09n, 0n, (BigInt(cpu) << 16n) | BigInt(collection) | (valid ? VALID : 0n)] as const
const mapti = (device: number, event: number, lpi: number, collection: number) =>
  [(BigInt(device) << 32n) | 0x0an, (BigInt(lpi) << 32n) | BigInt(event), BigInt(collection)] as const
const onEvent = (command: bigint, device: number, event: number, collection = 0) =>
  [(BigInt(device) << 32n) | command, BigInt(event), BigInt(collection)] as const
const int = (device: number, event: number) => onEvent(0x03n, device, event)
const configure = (lpi: number, byte: number): void => void ram.write(CONFIG + BigInt(lpi - 8192), Uint8Array.of(byte))
const acknowledged = (): readonly number[] => [0, 1, 2, 3].map(cpu => gic.readIcc(cpu, ICC.iar1)!)
const none = [SPURIOUS, SPURIOUS, SPURIOUS, SPURIOUS]

beforeEach(() => start())

describe('an LPI', () => {
  beforeEach(() => {
    configure(LPI, 0xa1)
    send(mapd(2, ITT), mapc(3, 3), mapti(2, 20, LPI, 3))
  })
  test('reaches the vCPU of its collection, once', () => {
    send(int(2, 20))
    expect(gic.signals(3)).toBe(1)
    expect(acknowledged()).toEqual([SPURIOUS, SPURIOUS, SPURIOUS, LPI])
    gic.writeIcc(3, ICC.eoir1, BigInt(LPI))
    expect([gic.readIcc(3, ICC.rpr), ...acknowledged()]).toEqual([0xff, ...none])
  })
  test('is configured when it is mapped and when that is asked for', () => {
    configure(LPI, 0xa0)
    send(int(2, 20))
    expect(acknowledged()).toEqual([SPURIOUS, SPURIOUS, SPURIOUS, LPI])
    gic.writeIcc(3, ICC.eoir1, BigInt(LPI))
    send(onEvent(0x0cn, 2, 20), int(2, 20))
    expect(acknowledged()).toEqual(none)
    configure(LPI, 0xa1)
    send(onEvent(0x0dn, 0, 0, 3))
    expect(acknowledged()).toEqual([SPURIOUS, SPURIOUS, SPURIOUS, LPI])
  })
  test('moves: itself, its collection, all of a vCPU; pending as it is', () => {
    send(int(2, 20), mapc(1, 1), onEvent(0x01n, 2, 20, 1))
    expect([gic.signals(1), gic.signals(3)]).toEqual([1, 0])
    send(mapc(1, 2))
    expect([gic.signals(1), gic.signals(2)]).toEqual([0, 1])
    send([0x0en, 0n, 2n << 16n, 0n])
    expect([gic.signals(0), gic.signals(2)]).toEqual([1, 0])
    send(onEvent(0x04n, 2, 20))
    expect(acknowledged()).toEqual(none)
  })
  test.each([
    ['its event was discarded', onEvent(0x0fn, 2, 20)],
    ['its device was unmapped', mapd(2, ITT, 8, false)],
    ['its collection was unmapped', mapc(3, 3, false)],
  ])('is gone when %s', (_, command) => {
    send(command, int(2, 20))
    expect(acknowledged()).toEqual(none)
  })
  test('needs LPIs to be enabled; what was pending in memory then is', () => {
    gic.write(0, redistributor(3) + GICR.ctlr, 4, 0n)
    send(int(2, 20))
    expect(acknowledged()).toEqual(none)
    ram.write(PENDING + 0x3_0000n + BigInt(LPI >> 3), Uint8Array.of(1 << (LPI & 7)))
    gic.write(0, redistributor(3) + GICR.ctlr, 4, 1n)
    expect(acknowledged()).toEqual([SPURIOUS, SPURIOUS, SPURIOUS, LPI])
  })
})

test('commands that cannot be done are passed over', () => {
  configure(LPI, 1)
  send(
    mapti(2, 0, LPI, 0), // no device
    mapd(0x1_0000, ITT),
    mapd(2, ITT, 5),
    mapti(2, 32, LPI, 0), // five bits of events
    mapti(2, 1, 100, 0),
    mapti(2, 1, 0x8000, 0), // beyond the table of configurations
    mapc(0, CPUS),
    [0xffn, 0n, 0n],
    mapc(0, 0),
    mapti(2, 1, LPI, 0),
    int(2, 1),
  )
  expect(acknowledged()).toEqual([LPI, SPURIOUS, SPURIOUS, SPURIOUS])
})

test('the queue wraps', () => {
  configure(LPI, 1)
  send(mapd(2, ITT), mapc(0, 0), mapti(2, 1, LPI, 0))
  for (let n = 0; n < 300; n++) {
    send(int(2, 1))
    expect(gic.readIcc(0, ICC.iar1)).toBe(LPI)
    gic.writeIcc(0, ICC.eoir1, BigInt(LPI))
  }
})

test('identifies itself as KVM does, and its registers are fixed while it is on', () => {
  expect(gic.read(0, its(0x08), 8)).toBe(0x1e_f71n)
  expect(gic.read(0, its(0x04), 4)).toBe(0x4b00_043bn)
  expect(gic.read(0, its(0xffe8), 4)).toBe(0x3bn)
  expect(gic.read(0, its(GITS.ctlr), 4)).toBe(0x8000_0001n)
  expect([gic.read(0, its(GITS.baser), 8) >> 48n, gic.read(0, its(GITS.baser + 8), 8) >> 48n]).toEqual([0x9907n, 0x9c07n])
  const before = gic.read(0, its(GITS.baser), 8)
  gic.write(0, its(GITS.baser), 8, 0n)
  expect(gic.read(0, its(GITS.baser), 8)).toBe(before)
  expect(gic.read(0, GICD.typer, 4) & (1n << 17n)).not.toBe(0n)
  expect(gic.read(0, redistributor(0) + 8, 4) & 1n).toBe(1n)
})

test('a device table of two levels', () => {
  start(DEVICES | VALID | (1n << 62n))
  send(mapd(9000, ITT))
  ram.write(DEVICES + 8n, new Uint8Array(BigUint64Array.of(LEVEL2 | VALID).buffer))
  configure(LPI, 1)
  send(mapd(9000, ITT), mapc(0, 0), mapti(9000, 1, LPI, 0), int(9000, 1))
  expect(acknowledged()[0]).toBe(LPI)
  expect(ram.word(LEVEL2 + 8n * BigInt(9000 - 8192)) & VALID).toBe(VALID)
})

describe('what is saved', () => {
  beforeEach(() => {
    for (const lpi of [LPI, 8200, 8300]) configure(lpi, 0xa1)
    send(mapd(2, ITT), mapd(7, ITT + 0x1000n), mapc(3, 3), mapc(2, 2), mapti(2, 20, LPI, 3), mapti(2, 4, 8200, 2), mapti(7, 255, 8300, 2), int(7, 255))
  })
  const restored = (state: ItsState, gicState: GicState): Gic => {
    const again = createGic('v3', topology, { saved: structuredClone(gicState), its: { memory: ram, saved: structuredClone(state) } })
    expect(again.save()).toEqual(gicState)
    return again
  }
  test('tables are in memory as KVM writes them', () => {
    expect(ram.word(DEVICES + 16n)).toBe(VALID | (5n << 49n) | ((ITT >> 8n) << 5n) | 7n)
    expect(ram.word(DEVICES + 56n)).toBe(VALID | (((ITT + 0x1000n) >> 8n) << 5n) | 7n)
    expect(ram.word(ITT + 32n)).toBe((16n << 48n) | (8200n << 16n) | 2n)
    expect(ram.word(ITT + 160n)).toBe((BigInt(LPI) << 16n) | 3n)
    expect([0n, 8n, 16n].map(n => ram.word(COLLECTIONS + n))).toEqual([VALID | (3n << 16n) | 3n, VALID | (2n << 16n) | 2n, 0n])
    expect(ram.bytes[Number(PENDING - BASE) + 0x2_0000 + (8300 >> 3)]).toBe(1 << (8300 & 7))
  })
  test('ours comes back exactly, also what memory no longer says', () => {
    configure(LPI, 0)
    const state = gic.its!.save()
    const again = restored(state, gic.save())
    expect(again.its!.save()).toEqual(state)
    expect(again.signals(2)).toBe(1)
    again.its!.signal(2, 20)
    expect(again.readIcc(3, ICC.iar1)).toBe(LPI)
  })
  test("another VMM's comes back from the tables", () => {
    const { registers } = gic.its!.save()
    const again = restored({ registers }, gic.save())
    expect(again.readIcc(2, ICC.iar1)).toBe(8300)
    for (const [device, event] of [
      [2, 20],
      [2, 4],
    ] as const)
      expect(again.its!.signal(device, event)).toBe(true)
    expect([3, 2].map(cpu => again.readIcc(cpu, ICC.iar1))).toEqual([LPI, SPURIOUS])
    expect(again.its!.signal(7, 1)).toBe(false)
  })
  test('junk beside the registers is not used', () => {
    const { registers } = gic.its!.save()
    for (const other of [{ collections: 1 }, { collections: [[1, 'x']], devices: [], lpis: [] }, { collections: [], devices: [{ id: -1 }], lpis: [] }])
      expect(restored({ registers, other }, gic.save()).its!.signal(2, 4)).toBe(true)
  })
  test('tables full of junk end', () => {
    ram.bytes.fill(0xff, 0x1_0000, 0x4_0000)
    const { registers } = gic.its!.save()
    expect(() => createGic('v3', topology, { saved: gic.save(), its: { memory: ram, saved: { registers } } })).not.toThrow()
  })
})
