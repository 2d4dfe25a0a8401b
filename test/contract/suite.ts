// Owns the list of all cases.
import type { Backend } from '../../src/backends/backend.ts'
import { backendCases } from './backends.ts'
import type { ContractCase } from './contract.ts'
import { guestCases } from './guest.ts'
import { type LeakOptions, leakCases, lifecycleCases, offeredSets } from './lifecycle.ts'
import { powerCases } from './power.ts'
import { refusalCases } from './refusals.ts'
import { registerCases } from './registers.ts'

/** Over KVM's verbs. */
export const contractCases = (leak: LeakOptions): readonly ContractCase[] => [
  offeredSets,
  ...lifecycleCases,
  ...registerCases,
  ...refusalCases,
  ...powerCases,
  ...guestCases,
  ...leakCases(leak),
]

/** Over the comfortable form. */
export const backendContractCases = (): readonly ContractCase<Backend>[] => backendCases
