// Owns the job that runs the contract suite on the real /dev/kvm. What a case sees is compared with what the emulator shows it, loaded with what the
// probe recorded of this host: each difference is a bug of the emulator.
import { emulatedAbi } from '../../../src/backends/emulated-abi.ts'
import { kvmBackend } from '../../../src/backends/kvm/backend.ts'
import type { Build } from '../../../src/builds/build.ts'
import { type CaseResult, compareResults, runCase } from '../../../test/contract/contract.ts'
import { backendContractCases, contractCases } from '../../../test/contract/suite.ts'
import { type Check, failed, type Job, notRun, passed, said } from '../job.ts'
import { probedBuild } from './replays.ts'

const STEP = 'contract'
const FEW_CYCLES = 2

/** `cycles`: VMs made and closed in the search for leaks. */
export const contract = (cycles: number): Job => ({
  name: 'contract',
  steps: () => [{ id: STEP, run: 'contract', cycles }],
  async judge({ host, step, cases }, shelf) {
    const done = step(STEP)
    const found = cases(STEP)
    const build = await probedBuild(shelf, host)
    const emulated = build && (await onEmulator(build))
    const checks = found.map(({ part, result }): Check => {
      const name = `${part}: ${result.name}`
      if (result.failures.length > 0) return failed(name, result.failures.join('\n'))
      const same = part === 'real' ? result : emulated?.get(keyOf(part, result.name))
      if (same === undefined) return notRun(`${name}, as the emulator`, 'the probe gave no build to compare with')
      const differences = compareResults(result, same)
      const lines = differences.map(({ what, real, emulated: shown }) => `${what}: ${real}, on the emulator ${shown}`)
      return lines.length === 0 ? passed(name, `${result.checks} checks`) : failed(`${name}, as the emulator`, lines.join('\n'))
    })
    return done === undefined || done.status === 0 ? checks : [...checks, failed('the suite comes to its end', said(done))]
  },
})

/** However many cycles there are. */
const keyOf = (part: string, name: string): string => `${part} ${name.replace(/^\d+ /, '')}`

/** The same cases over a build. */
async function onEmulator(build: Build): Promise<ReadonlyMap<string, CaseResult>> {
  const results = new Map<string, CaseResult>()
  for (const each of contractCases({ cycles: FEW_CYCLES, run: true })) results.set(keyOf('verbs', each.name), await runCase(each, emulatedAbi(build)))
  for (const each of backendContractCases()) results.set(keyOf('backend', each.name), await runCase(each, kvmBackend(emulatedAbi(build))))
  return results
}
