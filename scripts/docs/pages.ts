// Owns the list of pages that are made from data. To add one: a function that returns its text, and a row here. Pages that take longer than a moment
// are compared by `npm run check` alone.
import { commandsPage } from './commands.ts'
import { compatibilityHtml, compatibilityPage } from './compatibility.ts'
import { environmentPage } from './environment.ts'
import { exitCodesPage } from './exit-codes.ts'
import { lintsPage } from './lints.ts'
import { psciDoc } from './psci.ts'
import { registersDoc } from './registers.ts'

export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/commands.md': commandsPage,
  'docs/environment.md': environmentPage,
  'docs/exit-codes.md': exitCodesPage,
  'docs/lints.md': lintsPage,
  'docs/psci.md': psciDoc,
  'docs/registers.md': registersDoc,
}

export const SLOW_PAGES: Readonly<Record<string, () => Promise<string>>> = {
  'docs/compatibility.md': compatibilityPage,
  'docs/compatibility.html': compatibilityHtml,
}
