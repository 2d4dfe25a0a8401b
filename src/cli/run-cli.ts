// Owns the way from the words on the command line to a command and an exit status: finding the command, help, signals. Knows no single command.
import type { Command, Config } from '@oclif/core'
import { didYouMean, failureOf, usageError } from './failure.ts'
import { type Io, processIo } from './io.ts'
import { wantsJson } from './json.ts'
import { printFailure, type SnapCommand } from './snap-command.ts'

export type CommandClass = (new (argv: string[], config: Config) => SnapCommand<object>) & Omit<typeof Command, 'prototype'>

/** Commands by id (`inspect`, `builds:list`), each loaded when it is asked for, and the topics that group them. */
export interface CommandTable {
  readonly commands: Readonly<Record<string, () => Promise<{ readonly default: CommandClass }>>>
  readonly topics: Readonly<Record<string, string>>
}

const BIN = 'psci-snap'
const USAGE = `run \`${BIN} --help\` for the list of commands`

/**
 * What a command may ask of oclif's Config. The real one finds plugins on the disk and reads package.json, which a fixed set of commands
 * does not need and which costs 30 ms at every start; our commands are never run by oclif's own main.
 */
export const CONFIG = {
  bin: BIN,
  name: BIN,
  topicSeparator: ' ',
  userAgent: BIN,
  options: {},
  pjson: { oclif: {} },
  runHook: async () => ({ successes: [], failures: [] }),
  scopedEnvVar: () => undefined,
  scopedEnvVarKey: (key: string) => key,
  scopedEnvVarKeys: () => [],
} as unknown as Config

/** Runs one command line to its exit status. Never throws; prints everything through `io`. */
export async function runCli(table: CommandTable, argv: readonly string[], io: Io, signal: AbortSignal): Promise<number> {
  try {
    const found = findCommand(table, argv)
    if (found.kind === 'help') {
      const { helpText } = await import('./help.ts')
      await io.stdout.write(await helpText(table, found.about, { columns: io.stdout.columns, color: io.stdout.color }))
      return 0
    }
    const { default: Class } = await table.commands[found.id]!()
    Class.id = found.id
    return await new Class([...found.rest], CONFIG).start({ io, signal })
  } catch (error) {
    const failure = failureOf(error, { flags: [], usage: USAGE }, signal)
    await printFailure(failure, error, io, { json: wantsJson(argv), command: BIN })
    return failure.exit
  }
}

type Found = { readonly kind: 'command'; readonly id: string; readonly rest: readonly string[] } | { readonly kind: 'help'; readonly about: string | undefined }

/** The longest prefix of words that is a command; throws USAGE with the nearest ones when there is none. */
export function findCommand({ commands, topics }: CommandTable, argv: readonly string[]): Found {
  const [first, second, ...others] = argv
  if (first === undefined || first === '--help' || first === '-h') return { kind: 'help', about: undefined }
  if (first === 'help')
    return findHelp(
      { commands, topics },
      argv.slice(1).filter(word => !word.startsWith('-')),
    )
  const end = argv.indexOf('--')
  const help = (end === -1 ? argv : argv.slice(0, end)).some(word => word === '--help' || word === '-h')
  if (second !== undefined && `${first}:${second}` in commands) {
    const id = `${first}:${second}`
    return help ? { kind: 'help', about: id } : { kind: 'command', id, rest: others }
  }
  if (first in commands) return help ? { kind: 'help', about: first } : { kind: 'command', id: first, rest: argv.slice(1) }
  if (first in topics) {
    if (second === undefined || help) return { kind: 'help', about: first }
    const below = Object.keys(commands).flatMap(id => (id.startsWith(`${first}:`) ? [id.slice(first.length + 1)] : []))
    if (second.startsWith('-')) throw usageError(`${BIN} ${first} needs one of: ${below.join(', ')}`, `see \`${BIN} ${first} --help\``)
    throw usageError(`unknown command ${first} ${second}`, didYouMean(second, below, `${BIN} ${first} has: ${below.join(', ')}`))
  }
  if (first.startsWith('-')) throw usageError(`unknown flag ${first} before any command`, `flags follow the command; ${USAGE}`)
  throw usageError(`unknown command ${first}`, didYouMean(first, topLevel({ commands, topics }), USAGE))
}

function findHelp(table: CommandTable, words: readonly string[]): Found {
  const about = words.join(':')
  if (about === '') return { kind: 'help', about: undefined }
  if (about in table.commands || about in table.topics) return { kind: 'help', about }
  throw usageError(`unknown command ${words.join(' ')}`, didYouMean(words[0] ?? '', topLevel(table), USAGE))
}

/** First words of all commands. */
export const topLevel = ({ commands }: CommandTable): string[] => [...new Set(Object.keys(commands).map(id => id.split(':', 1)[0]!))]

/** A second signal so soon is the first one once more: wrappers (timeout, npx) pass on what the terminal or the group got too. Milliseconds. */
const SAME_SIGNAL = 250

/**
 * The process around runCli. The first signal asks the work to stop, which exits 130 with nothing half-written; a second one ends the process
 * at once. The exit status is left for when the streams have drained.
 */
export async function main(table: CommandTable, argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  const interruption = new AbortController()
  let interruptedAt = 0
  const interrupt = (): void => {
    if (interruption.signal.aborted && performance.now() - interruptedAt > SAME_SIGNAL) process.exit(130)
    if (interruption.signal.aborted) return
    interruptedAt = performance.now()
    interruption.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt)
  // What no command could catch: a stream that failed behind its back (a full disk under standard output), or a bug in a callback.
  process.on('uncaughtException', error => {
    const failure = failureOf(error, { flags: [], usage: USAGE }, interruption.signal)
    const io = processIo()
    // Where standard output is what failed, JSON would have to be printed there.
    const json = io.stdout.isBroken ? undefined : wantsJson(argv)
    void printFailure(failure, error, io, { json, command: BIN }).finally(() => process.exit(failure.exit))
  })
  process.exitCode = await runCli(table, argv, processIo(), interruption.signal)
  // An open standard input would keep the process alive after its work is done.
  if (process.exitCode === 130 || interruption.signal.aborted) process.exit(130)
}
