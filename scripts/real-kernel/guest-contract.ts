// Owns what runs inside a booted kernel for the contract suite: every case on /dev/kvm, one frame each.
import { kvmBackend } from '../../src/backends/kvm/backend.ts'
import { openKvmHost } from '../../src/backends/kvm/host.ts'
import { type CaseResult, runCase } from '../../test/contract/contract.ts'
import { realCases } from '../../test/contract/real.ts'
import { backendContractCases, contractCases } from '../../test/contract/suite.ts'
import { sendFrame } from './frames.ts'

/** Part of a run of the suite; the last frame says how many went before it. */
export type ContractFrame =
  | { readonly part: 'verbs' | 'backend' | 'real'; readonly result: CaseResult }
  | { readonly part: 'end'; readonly kernel: string; readonly cases: number }

const CYCLES = 1000

const host = await openKvmHost()
let cases = 0
const send = (part: 'verbs' | 'backend' | 'real', result: CaseResult): void => {
  cases++
  sendFrame({ part, result } satisfies ContractFrame)
}
for (const each of contractCases({ cycles: CYCLES, run: true })) send('verbs', await runCase(each, host))
for (const each of backendContractCases()) send('backend', await runCase(each, kvmBackend(host)))
for (const each of realCases) send('real', await runCase(each, host))
sendFrame({ part: 'end', kernel: host.description, cases } satisfies ContractFrame)
host.close()
