// Owns the list of pages that are made from data. To add one: a function that returns its text, and a row here.
import { commandsPage } from './commands.ts'
import { exitCodesPage } from './exit-codes.ts'
import { lintsPage } from './lints.ts'
import { psciDoc } from './psci.ts'
import { registersDoc } from './registers.ts'

export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/commands.md': commandsPage,
  'docs/exit-codes.md': exitCodesPage,
  'docs/lints.md': lintsPage,
  'docs/psci.md': psciDoc,
  'docs/registers.md': registersDoc,
}
