// Owns the list of commands, each loaded only when it is asked for. A test keeps it equal to the files of this folder.
import type { CommandTable } from '../cli/run-cli.ts'

export const TABLE: CommandTable = {
  commands: {
    'builds:list': () => import('./builds/list.ts'),
  },
  topics: {
    builds: 'What hosts offer: list, show, compare and derive builds.',
  },
}
