// `inspect --disassemble`: the code around PC through the guest's own tables, and every reason why there is none.
import { expect, test } from 'vitest'
import { sysRegId } from '../../../src/arch/reg-id.ts'
import { type Disassembly, disassembleAround } from '../../../src/ops/walk/disassembly.ts'
import { CODE, guest, RAM, SCTLR, type TableOptions } from './page-tables.ts'

const around = (options: TableOptions, count = 2): Promise<Disassembly> => {
  const snapshot = guest(options)
  return disassembleAround(snapshot, snapshot.vcpus[0], count)
}
const KERNEL = 0xffff_0000_0000_0000n

test('around PC, through the tables, with the one at PC marked', async () => {
  expect(await around({ pc: KERNEL + 4n })).toEqual({
    lines: [
      // Before the page nothing is mapped.
      { address: '0xffff000000000000', word: 'd503201f', text: 'nop' },
      { address: '0xffff000000000004', word: '14000000', text: 'b 0xffff000000000004', current: true },
      { address: '0xffff000000000008', word: '00000000', text: 'udf #0' },
      { address: '0xffff00000000000c', word: '00000000', text: 'udf #0' },
    ],
    physical: `0x${(CODE + 4n).toString(16)}`,
  })
})

test('over the end of a page into the next, which is somewhere else', async () => {
  const { lines } = await around({ pc: KERNEL + 0xffcn }, 1)
  expect(lines.map(({ address, text }) => [address, text])).toEqual([
    ['0xffff000000000ff8', 'udf #0'],
    ['0xffff000000000ffc', 'eret'],
    ['0xffff000000001000', 'wfi'],
  ])
})

test('with the MMU off, and at the end of memory', async () => {
  const registers = [[SCTLR, 0x30d0_0800n]] as const
  const { lines, physical } = await around({ pc: CODE, registers }, 1)
  expect(lines.map(({ text }) => text)).toEqual(['udf #0', 'nop', 'b 0x40008004'])
  expect(physical).toBeUndefined()
  const first = await around({ pc: RAM, registers }, 1)
  expect(first.lines.map(({ address }) => address)).toEqual(['0x40000000', '0x40000004'])
})

test('a word that is no instruction has no text', async () => {
  const registers = [[SCTLR, 0x30d0_0800n]] as const
  const bytes = new Uint8Array(4096).fill(0xff)
  const memory = [{ name: 'ram', start: RAM, size: 4096, chunks: () => [{ offset: 0, data: bytes }] }]
  expect((await around({ pc: RAM, registers, memory }, 1)).lines[0]).toEqual({ address: '0x40000000', word: 'ffffffff', current: true })
})

test.each([
  ['AArch32', { pstate: 0x1d3n }, 'AArch32'],
  ['EL2 with tables', { pstate: 0x3c9n, registers: [[sysRegId(3, 4, 1, 0, 0), 1n]] as const }, 'above EL1'],
  ['EL3', { pstate: 0x3cdn }, 'above EL1'],
  ['PC not aligned', { pc: KERNEL + 2n }, 'not aligned'],
  ['no memory', { memory: [] }, 'no guest memory'],
  ['not mapped', { pc: KERNEL + 0x4000n }, 'translation fault, level 3'],
  ['a device', { pc: KERNEL + 0x20_0000n }, '0x8000000 is not in the memory of the file'],
])('%s: PC cannot be read', async (_name, options, why) => {
  const { lines, unreadable } = await around(options)
  expect(unreadable).toContain(why)
  expect(lines.filter(({ current }) => current)).toEqual([])
})

test('at EL2 without tables an address is the physical one', async () => {
  const registers = [[sysRegId(3, 4, 1, 0, 0), 0x30c5_0830n]] as const
  expect((await around({ pstate: 0x3c9n, pc: CODE, registers }, 1)).lines[1]).toMatchObject({ text: 'nop', current: true })
})

test('code that the guest may read but not execute is shown all the same', async () => {
  expect((await around({ pc: 0x1000n, pstate: 0x3c5n }, 1)).lines.find(({ current }) => current)).toMatchObject({ text: 'wfi' })
})
