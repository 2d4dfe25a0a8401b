// How code and page tables read on a terminal, from tables made by hand.
import { expect, test } from 'vitest'
import { disassembleAround } from '../../src/ops/walk/disassembly.ts'
import { walkAddress } from '../../src/ops/walk/walk.ts'
import { codeLines, walkLines } from '../../src/render/inspect-code.ts'
import { PLAIN_STYLE } from '../../src/render/page.ts'
import { guest } from '../ops/walk/page-tables.ts'

const walked = async (address: bigint, columns = 100): Promise<string> =>
  `\n${walkLines(await walkAddress(guest(), { address }, undefined), columns).join('\n')}\n`

test('a walk to a page', async () => {
  expect(await walked(0x1008n)).toMatchInlineSnapshot(`
    "
      TTBR0_EL1 0x40001000, 4 KiB pages, 48-bit addresses, ASID 0
      level  table       index  descriptor        leads to
      0      0x40001000      0  0x40002003        table 0x40002000
      1      0x40002000      0  0x40003003        table 0x40003000
      2      0x40003000      0  0x40004003        table 0x40004000
      3      0x40004000      1  0x20000040009743  page 0x40009000   EL1 rw, EL0 rw, AttrIndx 0, inner
                                                                    shareable, AF, PXN
      guest physical 0x40009008 in ram
      4 KiB of Normal write-back, inner shareable, global; EL1 rw-, EL0 rwx
    "
  `)
})

test('a walk to a block, on a narrow page', async () => {
  const text = await walked(0x4012_3456n, 80)
  expect(text).toMatchInlineSnapshot(`
    "
      TTBR0_EL1 0x40001000, 4 KiB pages, 48-bit addresses, ASID 0
      level  table       index  descriptor        leads to
      0      0x40001000      0  0x40002003        table 0x40002000
      1      0x40002000      1  0x40000040000701  block 0x40000000  EL1 rw, AttrIndx
                                                                    0, inner
                                                                    shareable, AF,
                                                                    UXN
      guest physical 0x40123456 in ram
      1 GiB of Normal write-back, inner shareable, global; EL1 rwx, EL0 ---
    "
  `)
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

test('a walk to a fault', async () => {
  expect(await walked(0x3000n)).toMatchInlineSnapshot(`
    "
      TTBR0_EL1 0x40001000, 4 KiB pages, 48-bit addresses, ASID 0
      level  table       index  descriptor  leads to
      0      0x40001000      0  0x40002003  table 0x40002000
      1      0x40002000      0  0x40003003  table 0x40003000
      2      0x40003000      0  0x40004003  table 0x40004000
      3      0x40004000      3  0x4000b401                    invalid: no block is allowed at level 3
      translation fault, level 3 (status 0x7): level 3 maps nothing here
    "
  `)
  expect(await walked(1n << 50n)).toMatchInlineSnapshot(`
    "
      TTBR0_EL1 0x40001000, 4 KiB pages, 48-bit addresses, ASID 0
      translation fault, level 0 (status 0x4): the address is outside what the tables cover, or the
        table register is switched off
    "
  `)
})

test('code around PC, with a gap where nothing is mapped', async () => {
  const snapshot = guest({ pc: 0xffff_0000_0000_1000n })
  expect(`\n${codeLines(await disassembleAround(snapshot, snapshot.vcpus[0], 1), PLAIN_STYLE).join('\n')}\n`).toMatchInlineSnapshot(`
    "
        0xffff000000000ffc  d69f03e0  eret
      → 0xffff000000001000  d503207f  wfi
        0xffff000000001004  00000000  udf #0
      PC is guest physical 0x40009000
    "
  `)
  const lines = codeLines(
    {
      lines: [
        { address: '0x0', word: '00000000', text: 'udf #0' },
        { address: '0x10', word: 'ffffffff', current: true },
      ],
    },
    PLAIN_STYLE,
  )
  expect(lines).toEqual(['    0x0  00000000  udf #0', '     …', '  → 0x10  ffffffff  .inst 0xffffffff'])
})

test('a region name from a file reaches no terminal as it is', async () => {
  const snapshot = guest()
  const named = { ...snapshot, memory: snapshot.memory.map(region => ({ ...region, name: 'ram\u001b[2J' })) }
  expect(walkLines(await walkAddress(named, { address: 0n }, undefined), 100).join('\n')).toContain('in ram\\x1b[2J')
})
