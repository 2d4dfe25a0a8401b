// Small files that would keep a reader busy for hours: each is refused, or read in a moment. Every case took longer than the test may before it was
// bounded.
import { expect, test } from 'vitest'
import { qemu } from '../../../../src/formats/importers/qemu/importer.ts'
import { bytesSource, type Source } from '../../../../src/formats/source/source.ts'
import { consistencyFindings } from '../../../../src/model/consistency.ts'
import { Bytes, makeStream, PSCI_1_1 } from './make-stream.ts'

const head = () => new Bytes().text('QEVM').u32(3).u8(7).u32(9).text('virt-10.0')

/** `bytes`, then zeros up to `size`: a hole. */
function withHole(bytes: Uint8Array, size: number): Source {
  const zeros = new Uint8Array(1 << 21)
  return {
    name: 'hole',
    size,
    async read(offset, length) {
      if (offset >= bytes.length) return zeros.subarray(0, length)
      const out = new Uint8Array(length)
      out.set(bytes.subarray(offset, offset + length))
      return out
    },
    head: async length => Uint8Array.from({ length }, (_, i) => bytes[i] ?? 0),
    close: async () => {},
  }
}

test('a section in parts that never ends, in terabytes of holes, is given up; timers have their turn meanwhile', async () => {
  const start = head().u8(1).u32(5).str8('zebra').u32(0, 1).bytes()
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await expect(qemu.read(withHole(start, 2 ** 46))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', message: expect.stringContaining('zebra') })
  clearInterval(timer)
  expect(turns).toBeGreaterThan(0)
})

test('thousands of sections find their descriptions among hundreds of thousands at once', async () => {
  const out = head()
  for (let id = 0; id < 8000; id++) out.u8(4).u32(id).str8(`dev${id}`).u32(0, 1).text('abcd').u8(0x7e).u32(id)
  const device = (name: string) => `{"name":"${name}","instance_id":0,"vmsd_name":"a","version":1}`
  const field = '{"name":"dev7","instance_id":0,"vmsd_name":"a","version":1,"fields":[{"name":"word","type":"uint32","size":4}]}'
  const json = `{"page_size":4096,"devices":[${Array.from({ length: 200_000 }, (_, i) => device(`d${i}`)).join()},${field}]}`
  const { snapshot } = await qemu.read(bytesSource(out.u8(0, 6).u32(json.length).text(json).bytes()))
  expect(snapshot.devices).toHaveLength(8001)
  expect(snapshot.devices.find(({ name }) => name === 'dev7')?.state).toEqual({ version: 1, word: 0x61626364 })
}, 14_000)

test('one empty table of a qcow2 image that stands for a million is not looked at a million times', async () => {
  const cluster = 1 << 16
  const entries = 1 << 20
  const file = Buffer.alloc(3 * cluster + 8 * entries)
  file.write('QFI\xfb', 'latin1')
  file.writeUInt32BE(3, 4)
  file.writeUInt32BE(16, 20)
  file.writeUInt32BE(1, 60) // snapshots
  file.writeBigUInt64BE(BigInt(cluster), 64)
  file.writeUInt32BE(104, 100)
  file.writeBigUInt64BE(BigInt(3 * cluster), cluster) // its L1 table
  file.writeUInt32BE(entries, cluster + 8)
  file.writeUInt32BE(1, cluster + 32) // bytes of state
  for (let i = 0; i < entries; i++) file.writeBigUInt64BE(BigInt(2 * cluster), 3 * cluster + 8 * i)
  await expect(qemu.read(bytesSource(file))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
}, 14_000)

test('a register that is listed twice is one finding', async () => {
  const { snapshot, findings } = await qemu.read(bytesSource(makeStream({ registers: [PSCI_1_1[0]!, ...PSCI_1_1] })))
  expect([...findings, ...consistencyFindings(snapshot)].filter(({ code }) => code === 'duplicate-register')).toHaveLength(1)
})
