// Owns the order of consequences: firmware first, then what the CPU is, then what is lost. Each kind has its words in a file of its own.
import type { Consequence } from '../check-report.ts'
import type { Case } from './case.ts'
import { changeConsequences } from './change-words.ts'
import { faultConsequences } from './file-faults.ts'
import { lossConsequences } from './loss-words.ts'
import { psciConsequences } from './psci-words.ts'
import { serviceConsequences } from './service-words.ts'

export const consequencesOf = (about: Case): readonly Consequence[] => [
  ...faultConsequences(about.findings),
  ...psciConsequences(about),
  ...serviceConsequences(about),
  ...changeConsequences(about),
  ...lossConsequences(about),
]
