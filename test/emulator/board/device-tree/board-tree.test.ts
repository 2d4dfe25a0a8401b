// The device tree is one (dtc and our own reader agree), says what QEMU's says where both describe the same thing, and follows the configuration.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type BoardTreeOptions, boardTree } from '../../../../src/emulator/board/device-tree/board-tree.ts'
import { writeFdt } from '../../../../src/emulator/board/device-tree/fdt-writer.ts'
import { type FdtNode, fdtNodeAt, fdtValue, parseFdt } from '../../../../src/formats/data/fdt.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-dtb-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const OPTIONS: BoardTreeOptions = { memory: 512 << 20, affinities: [0n, 1n], cpu: 'cortex-a72', psci: 0x1_0003n, gic: 'v3', its: true, pmu: true, virtio: 2 }
const root = (options: Partial<BoardTreeOptions> = {}): FdtNode => parseFdt(boardTree({ ...OPTIONS, ...options }), 'board').root
const values = (tree: FdtNode, path: string, property: string): readonly string[] | undefined => {
  const value = fdtNodeAt(tree, path)?.properties.get(property)
  return value && fdtValue(value)
}

test('the writer writes what the reader reads: every kind of value, nested', () => {
  const { root: read } = parseFdt(
    writeFdt({
      name: '',
      properties: { text: 'abc', texts: ['a', 'bc'], cells: [1, 0xffff_ffff, 0x1_0000_0002n], flag: true, bytes: Uint8Array.of(1, 2, 3), none: undefined },
      children: [{ name: 'child@1', properties: { text: '' }, children: [{ name: 'leaf', properties: {} }] }],
    }),
    'tree',
  )
  expect([...read.properties.keys()]).toEqual(['text', 'texts', 'cells', 'flag', 'bytes'])
  expect(['text', 'texts', 'cells', 'flag', 'bytes'].map(name => fdtValue(read.properties.get(name)!))).toEqual([
    ['abc'],
    ['a', 'bc'],
    ['0x1', '0xffffffff', '0x1', '0x2'],
    [],
    ['0x010203'],
  ])
  expect(fdtNodeAt(read, '/child/leaf')?.name).toBe('leaf')
})

describe('the configuration shows', () => {
  test.each([
    [0x1_0003n, ['arm,psci-1.0', 'arm,psci-0.2', 'arm,psci'], '0xc4000003'],
    [2n, ['arm,psci-0.2', 'arm,psci'], '0xc4000003'],
    [1n, ['arm,psci'], '0x95c1ba60'],
  ])('PSCI %i', (psci, compatible, cpuOn) => {
    expect([values(root({ psci }), '/psci', 'compatible'), values(root({ psci }), '/psci', 'cpu_on')]).toEqual([compatible, [cpuOn]])
  })
  test('GICv2 has a CPU interface, and its private interrupts name the vCPUs', () => {
    const tree = root({ gic: 'v2', affinities: [0n, 1n, 2n] })
    expect(values(tree, '/intc', 'reg')).toEqual(['0x0', '0x8000000', '0x0', '0x10000', '0x0', '0x8010000', '0x0', '0x10000'])
    expect(values(tree, '/timer', 'interrupts')?.slice(0, 3)).toEqual(['0x1', '0xd', '0x704'])
  })
  test('no GIC, no interrupts; no PMU, no node; no ITS, no node', () => {
    const tree = root({ gic: 'none', its: false, pmu: false })
    expect([fdtNodeAt(tree, '/intc'), fdtNodeAt(tree, '/pmu'), values(tree, '/pl011', 'interrupts')]).toEqual([undefined, undefined, undefined])
    expect(fdtNodeAt(root({ its: false }), '/intc/its')).toBeUndefined()
  })
  test('what the kernel is given', () => {
    const tree = root({ bootargs: 'quiet', initrd: { start: 0x4800_0000n, end: 0x4800_1000n } })
    expect(values(tree, '/chosen', 'bootargs')).toEqual(['quiet'])
    expect(values(tree, '/chosen', 'linux,initrd-end')).toEqual(['0x0', '0x48001000'])
    expect(['rng-seed', 'kaslr-seed'].map(name => values(tree, '/chosen', name))).toEqual([undefined, undefined])
    expect(values(root({ rngSeed: Uint8Array.of(1, 2, 3, 4, 5), kaslrSeed: 7n }), '/chosen', 'kaslr-seed')).toEqual(['0x0', '0x7'])
  })
  test('vCPUs by affinity; a fourth level takes two cells', () => {
    expect(fdtNodeAt(root(), '/cpus')?.children.map(({ name }) => name)).toEqual(['cpu@0', 'cpu@1'])
    expect(values(root({ affinities: [0n, 1n << 32n] }), '/cpus/cpu@100000000', 'reg')).toEqual(['0x1', '0x0'])
    expect(values(root({ cpu: 'max' }), '/cpus/cpu@0', 'compatible')).toEqual(['arm,armv8'])
  })
})

test('dtc takes the tree without an error', ({ skip }) => {
  if (spawnSync('dtc', ['--version']).error) skip('no dtc on this machine')
  for (const gic of ['v3', 'v2', 'none'] as const) {
    const file = join(folder, `${gic}.dtb`)
    writeFileSync(file, boardTree({ ...OPTIONS, gic }))
    const { status, stdout, stderr } = spawnSync('dtc', ['-I', 'dtb', '-O', 'dts', file], { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    expect(stderr).not.toMatch(/ERROR/)
    expect(stdout).toContain('cpu@1')
  }
})

/** Differs on purpose, by property: phandles are our own numbers; virtio lines are levels. */
const OURS: readonly string[] = ['phandle', 'interrupt-parent', 'clocks', 'linux,phandle']

test.for(['v3', 'v2'] as const)("what QEMU's virt board says too is said the same (GIC%s)", (gic, { skip }) => {
  const dump = join(folder, `qemu-${gic}.dtb`)
  const ran = spawnSync(
    'qemu-system-aarch64',
    ['-M', `virt,gic-version=${gic.slice(1)},dumpdtb=${dump}`, '-cpu', 'cortex-a72', '-smp', '2', '-m', '512', '-nographic'],
    {
      stdio: 'ignore',
    },
  )
  if (ran.error) return skip('no qemu-system-aarch64 on this machine')
  const theirs = parseFdt(readFileSync(dump), dump).root
  const ours = root({ gic, its: gic === 'v3', virtio: 32 })
  const compared: string[] = []
  const compare = (mine: FdtNode, path: string): void => {
    const their = fdtNodeAt(theirs, path || '/')!
    expect(their, path).toBeDefined()
    for (const [name, value] of mine.properties) {
      if (OURS.includes(name) || (path.startsWith('/virtio_mmio') && name === 'interrupts')) continue
      expect(`${path} ${name} ${fdtValue(value)}`).toBe(`${path} ${name} ${fdtValue(their.properties.get(name) ?? new Uint8Array())}`)
      compared.push(name)
    }
    for (const child of mine.children) if (child.name !== 'chosen') compare(child, `${path}/${child.name}`)
  }
  compare(ours, '')
  expect(compared.length).toBeGreaterThan(100)
})
