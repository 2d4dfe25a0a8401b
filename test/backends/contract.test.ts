// The contract suite on emulated hosts: KVM's verbs over a build, and the comfortable form over the built-in machine and over those verbs. Real kernels
// run the same cases (scripts/real-kernel).
import { describe, expect, test } from 'vitest'
import { emulatedAbi } from '../../src/backends/emulated-abi.ts'
import { emulatorBackend } from '../../src/backends/emulator.ts'
import { kvmBackend } from '../../src/backends/kvm/backend.ts'
import { loadBuild } from '../../src/builds/load.ts'
import { type CaseResult, type ContractCase, compareResults, runCase } from '../contract/contract.ts'
import { KNOWN_DIFFERENCES } from '../contract/known-differences.ts'
import { backendContractCases, contractCases } from '../contract/suite.ts'

/** The oldest kernel, one in between on another CPU, and the newest with everything that a CPU can have. */
const BUILDS = ['linux-5.10', 'linux-6.12/neoverse-n1', 'linux-7.3/max'] as const
const LEAKS = { cycles: 100, run: false }

async function all<Host>(cases: readonly ContractCase<Host>[], host: Host): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  for (const each of cases) results.push(await runCase(each, host))
  return results
}
const failuresOf = (results: readonly CaseResult[]): string[] => results.flatMap(({ name, failures }) => failures.map(failure => `${name}: ${failure}`))
const checksOf = (results: readonly CaseResult[]): number => results.reduce((sum, { checks }) => sum + checks, 0)

describe.each(BUILDS)('%s', name => {
  test("KVM's verbs", async () => {
    const results = await all(contractCases(LEAKS), emulatedAbi(loadBuild(name)))
    expect(failuresOf(results)).toEqual([])
    expect(checksOf(results)).toBeGreaterThan(4000)
  })

  test('the comfortable form, the same over the machine and over the verbs', async () => {
    const build = loadBuild(name)
    const machine = await all(backendContractCases(), emulatorBackend(build))
    const verbs = await all(backendContractCases(), kvmBackend(emulatedAbi(build)))
    expect(failuresOf([...machine, ...verbs])).toEqual([])
    expect(verbs.flatMap((result, i) => compareResults(result, machine[i]!))).toEqual([])
    expect(checksOf(machine)).toBeGreaterThan(50)
  })
})

test('names of cases are unique: results are found by them', () => {
  const names = [...contractCases(LEAKS), ...backendContractCases()].map(({ name }) => name)
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
})

test('what is known to differ is about cases that there are', () => {
  const names = new Set([...contractCases(LEAKS), ...backendContractCases()].map(({ name }) => name))
  expect(KNOWN_DIFFERENCES.filter(({ name, reason }) => !names.has(name) || reason.length < 20)).toEqual([])
})

test('the runner sees what does not hold, what is thrown, and what differs', async () => {
  const broken: ContractCase<number> = {
    name: 'broken',
    run(host, { must, saw }) {
      must('one', host, 1)
      saw('host', host)
      saw('host', host)
      throw new Error('gone')
    },
  }
  const [one, two] = [await runCase(broken, 1), await runCase(broken, 2)]
  expect(one.failures.map(failure => failure.split('\n')[0])).toEqual(['host was looked at twice', 'threw Error: gone'])
  expect(two.failures[0]).toBe('one: 2, not 1')
  expect(compareResults(two, one)).toEqual([{ name: 'broken', what: 'host', real: 2, emulated: 1 }])
})
