// Owns the list of pages that are made from data. To add one: a function that returns its text, and a row here.
import { commandsPage } from './commands.ts'
import { exitCodesPage } from './exit-codes.ts'

export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/commands.md': commandsPage,
  'docs/exit-codes.md': exitCodesPage,
}
