// Owns the two ways a test runs the command line: in this process on a memory Io, and from a shell through bin/run.js.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { type CommandTable, runCli } from '../../src/cli/run-cli.ts'
import { TABLE } from '../../src/commands/table.ts'
import { type MemoryIoOptions, memoryIo } from './memory-io.ts'

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** Standard output parsed as one JSON object; throws when it is not one. */
  readonly json: () => Record<string, unknown>
}

/** Runs a command line in this process. `table` is the product's own unless a test brings its commands. */
export async function runCommand(argv: readonly string[], options: MemoryIoOptions & { table?: CommandTable; signal?: AbortSignal } = {}): Promise<Ran> {
  const io = memoryIo(options)
  const status = await runCli(options.table ?? TABLE, argv, io, options.signal ?? new AbortController().signal)
  return ran(status, io.written('stdout'), io.written('stderr'))
}

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

/** Runs `node bin/run.js …`: the bundle, as a user does. Takes a tenth of a second a call. */
export function runShell(argv: readonly string[], options: { cwd?: string; env?: Record<string, string>; input?: string | Uint8Array } = {}): Ran {
  const bundle = inject('bundle')
  if (bundle !== 'ready') throw new Error(bundle)
  const env: NodeJS.ProcessEnv = { ...process.env, ...options.env }
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'PSCI_SNAP_DEBUG']) if (options.env?.[name] === undefined) delete env[name]
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [BIN, ...argv], {
    cwd: options.cwd,
    env,
    input: options.input ?? '',
    maxBuffer: 1 << 28,
  })
  if (status === null) throw new Error(`ended by ${signal}`)
  return ran(status, stdout.toString(), stderr.toString())
}

const ran = (status: number, stdout: string, stderr: string): Ran => ({ status, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> })
