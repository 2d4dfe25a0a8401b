// The matrix of hosts: what the recordings report says of real fleets, no pair without a cause, and tables that hold every pair once.
import { describe, expect, test } from 'vitest'
import { loadBuild } from '../../../src/builds/load.ts'
import { buildsMatrix, hostFeatures } from '../../../src/ops/matrix/builds-matrix.ts'
import { lettersOf, matrixTables } from '../../../src/ops/matrix/matrix-tables.ts'

const KERNELS = ['5.10', '6.1', '6.12', '6.16', '6.18', '7.3']
const a72 = KERNELS.map(kernel => `linux-${kernel}`)
const max = KERNELS.map(kernel => `linux-${kernel}/max`)

describe('kernels of one plain CPU', () => {
  const made = buildsMatrix({ from: a72, to: a72 })
  const letters = async (from: string, to: string) => {
    const report = await made
    const cell = report.cells.find(each => each.from.startsWith(`linux-${from}.`) && each.to.startsWith(`linux-${to}.`))
    return cell && (cell.verdict === 'survives' ? 'ok' : lettersOf(cell.causes, report.causes))
  }

  // facts of real kernels on cortex-a72: kvm-recordings-report.md, "the shape of real fleets"
  test.each([
    ['6.1', '6.12', 'ok'],
    ['6.1', '7.3', 'ok'],
    ['6.16', '7.3', 'ok'],
    ['7.3', '6.16', 'ok'],
    ['6.12', '6.16', 'X'],
    ['6.16', '6.12', 'PB'],
    ['7.3', '6.1', 'PBCT'],
    ['5.10', '6.1', 'UI'],
    ['6.1', '5.10', 'PBLI'],
  ])('%s → %s: %s', async (from, to, expected) => {
    expect(await letters(from, to)).toBe(expected)
  })

  test('every pair once, a host on itself survives, and a reason for each', async () => {
    const { cells, verdicts } = await made
    expect(cells.length).toBe(36)
    expect(verdicts.survives + verdicts.changed + verdicts.refused).toBe(36)
    expect(cells.filter(({ from, to, verdict }) => from === to && verdict !== 'survives')).toEqual([])
    expect(cells.filter(({ reason }) => reason === '')).toEqual([])
  })
})

test('no refusal between hosts of any CPU, with all that they give by default, is without a cause; nor by any VMM', async () => {
  const hosts = ['linux-5.10', 'linux-6.1/max', 'linux-6.12/neoverse-v1', 'linux-6.12/cortex-a53', 'linux-7.3/max', 'linux-7.3/neoverse-n1']
  for (const vmm of ['kvm', 'qemu-10.0', 'qemu-11.1', 'firecracker', 'cloud-hypervisor'] as const) {
    const { cells } = await buildsMatrix({ from: hosts, to: hosts, features: 'host', vmm })
    expect(cells.length).toBe(36)
    expect(cells.filter(({ causes, verdict }) => (verdict === 'survives') !== (causes.length === 0) || causes.includes('other'))).toEqual([])
  }
})

test('features of a host: PSCI and what it has of PMU, SVE and pointer authentication', () => {
  expect(hostFeatures(loadBuild('linux-6.12'))).toEqual(['psci_0_2', 'pmu_v3'])
  expect(hostFeatures(loadBuild('linux-6.12/max'))).toEqual(['psci_0_2', 'pmu_v3', 'sve', 'ptrauth_address', 'ptrauth_generic'])
})

test('a host that takes no such guest is left out as a source, and said', async () => {
  const { from, skipped, cells } = await buildsMatrix({ from: ['linux-6.12', 'linux-6.12/max'], to: ['linux-6.12/max'], features: ['psci_0_2', 'sve'] })
  expect(from.map(({ cpu }) => cpu)).toEqual(['max'])
  expect(skipped.map(({ host }) => host)).toEqual(['linux-6.12.117/cortex-a72'])
  expect(cells.length).toBe(1)
})

test('tables: one a CPU, sums from CPU to CPU', async () => {
  const report = await buildsMatrix({ from: [...a72, ...max], to: [...a72, ...max] })
  const { kernels, pairs } = matrixTables(report)
  expect(kernels.map(({ cpu, from, to }) => [cpu, from.length, to.length])).toEqual([
    ['cortex-a72', 6, 6],
    ['max', 6, 6],
  ])
  expect(pairs.map(({ from, to, verdicts }) => [from, to, verdicts.refused])).toEqual([
    ['cortex-a72', 'max', 36],
    ['max', 'cortex-a72', 36],
  ])
  const told = kernels.flatMap(({ cells }) => cells.flat()).filter(cell => cell !== undefined).length
  expect(told + pairs.reduce((sum, { verdicts }) => sum + verdicts.survives + verdicts.changed + verdicts.refused, 0)).toBe(report.cells.length - 12)
})
