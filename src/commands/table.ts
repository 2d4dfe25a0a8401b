// Owns the list of commands, each loaded only when it is asked for. A test keeps it equal to the files of this folder.
import type { CommandTable } from '../cli/run-cli.ts'

export const TABLE: CommandTable = {
  commands: {
    save: () => import('./save.ts'),
    restore: () => import('./restore.ts'),
    run: () => import('./run.ts'),
    trace: () => import('./trace.ts'),
    inspect: () => import('./inspect.ts'),
    check: () => import('./check.ts'),
    diff: () => import('./diff.ts'),
    signature: () => import('./signature.ts'),
    verify: () => import('./verify.ts'),
    convert: () => import('./convert.ts'),
    edit: () => import('./edit.ts'),
    migrate: () => import('./migrate.ts'),
    explain: () => import('./explain.ts'),
    probe: () => import('./probe.ts'),
    'builds:list': () => import('./builds/list.ts'),
    'builds:show': () => import('./builds/show.ts'),
    'builds:diff': () => import('./builds/diff.ts'),
    'builds:derive': () => import('./builds/derive.ts'),
    'builds:baseline': () => import('./builds/baseline.ts'),
    'builds:matrix': () => import('./builds/matrix.ts'),
  },
  topics: {
    builds: 'What hosts offer: list, show, compare and derive builds, what they have in common, who can move where.',
  },
}
