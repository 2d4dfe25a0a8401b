// Owns the entry of the command line: bin/run.js imports the bundle of this file. Must stay free of everything a command can load by itself.
import { main } from '../cli/run-cli.ts'
import { TABLE } from './table.ts'

// Not awaited: in the bundle the commands import this very module, which must have been evaluated by then.
void main(TABLE)
