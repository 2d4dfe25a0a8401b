// Owns what every command has in common, and is the one place that knows oclif's habits. Knows no single command.
//
// To write a command:
//
//   export default class Inspect extends SnapCommand<InspectReport> {
//     static override summary = 'Show what a snapshot holds.'
//     static override args = { file: Args.string({ required: true, description: 'archive or register list; - reads standard input' }) }
//     static override flags = { registers: Flags.boolean({ summary: 'list every register' }) }
//
//     async run(): Promise<Outcome<InspectReport>> {
//       const { args, flags } = await this.parse(Inspect)
//       const report = await inspect(args.file, { registers: flags.registers, ...this.work })
//       return { report, text: page => renderInspect(report, page) }
//     }
//   }
//
// - Import `Args` and `Flags` from './flags.ts' (this folder), not from oclif's barrel: the barrel costs 15 ms at every start.
// - `report` is the JSON object without `ok`; `text` is called only when its text is printed. `status: 3` is the negative answer.
// - Throw SnapError for what stops the work. `usageError(message, hint?)` (failure.ts) for combinations the parser cannot see.
// - A command that streams calls `await this.row(object, page => text)` per result; with --json these are JSON lines and the last line is
//   `{"summary": report}`; the report of such a command is its summary.
// - A command with more results than memory should hold asks for `this.results`: their JSON texts go there as they come; what people read goes to
//   `this.say`.
// - A command that writes a file calls `this.claimStdout('--output', flags.output)` first: with `-` its text goes to standard error instead.
//   Reading and writing `-` itself is the business of formats/source and formats/output.
// - Register the command in src/commands/table.ts.
//
// Four habits of @oclif/core 4.14, measured, that end here: under --json an exit status is lost, a parse error prints 410 lines of parser
// internals, a bigint crashes, and a falsy result prints nothing. `start` below replaces oclif's own run and catch, so none can come back.
// A fifth: an argument that is missing is read from standard input. Every argument gets ignoreStdin.

import type { Interfaces } from '@oclif/core'
import { Command } from '@oclif/core/command'
import type { Work } from '../ops/work.ts'
import type { Page } from '../render/page.ts'
import { COLOR_STYLE, PLAIN_STYLE } from '../render/page.ts'
import { terminalLines } from '../render/terminal-text.ts'
import { type Failure, failureOf, usageError, type Vocabulary } from './failure.ts'
import { Flags } from './flags.ts'
import type { ConsoleStreams, Io, Output } from './io.ts'
import { failureJson, type JsonKind, jsonLine, jsonPretty, wantsJson } from './json.ts'
import { type JsonResults, jsonLines, jsonObject } from './json-results.ts'
import { type ProgressLine, progressLine } from './progress.ts'

/** What a command came to. */
export interface Outcome<T extends object> {
  readonly report: T
  /** The report for people; without a final newline. */
  readonly text: (page: Page) => string
  /** 3: the work was done and the answer is no (differs, not valid, changed, refused). Others: something among many could not be read. */
  readonly status?: number
  /** Nothing came of it, and why; printed as an error after everything else. */
  readonly failure?: Failure
}

/** What a command is given besides its arguments. */
export interface Surroundings {
  readonly io: Io
  /** Ctrl-C and its relatives. */
  readonly signal: AbortSignal
}

export abstract class SnapCommand<T extends object> extends Command {
  static override enableJsonFlag = true
  static override baseFlags = {
    quiet: Flags.boolean({ summary: 'print nothing but errors; the answer is the exit status', helpGroup: 'GLOBAL' }),
  }

  abstract override run(): Promise<Outcome<T>>

  #surroundings: Surroundings | undefined
  #progress: ProgressLine | undefined
  #results: JsonResults | undefined
  #streamed = false
  #stdoutClaimed = false

  /**
   * Runs the command to its exit status and prints all there is to print. Never throws, never ends the process.
   * The only way a command of ours is run.
   */
  async start(surroundings: Surroundings): Promise<number> {
    this.#surroundings = surroundings
    // Beside JSON that goes to a file or a pipe, progress is in nobody's way.
    this.#progress = progressLine(surroundings.io, this.#isQuiet() || (this.#json !== undefined && surroundings.io.stdout.isTerminal))
    try {
      const { report, text, status = 0, failure } = await this.run()
      this.#progress.clear()
      if (this.#results) await this.#results.end(report, failure)
      else if (failure) await printFailure(failure, undefined, surroundings.io, { json: this.#json, command: this.#spokenId() })
      else await this.#printOutcome(report, text)
      return failure?.exit ?? status
    } catch (error) {
      this.#progress.clear()
      const failure = failureOf(error, this.#vocabulary(), surroundings.signal)
      if (this.#results?.begun) {
        await this.#results.fail(failure)
        await printStack(error, surroundings.io)
      } else await printFailure(failure, error, surroundings.io, { json: this.#json, command: this.#spokenId() })
      return failure.exit
    }
  }

  /** What every operation takes: the signal of Ctrl-C, and the progress line. */
  protected get work(): Work & Required<Pick<Work, 'signal'>> {
    return { signal: this.#given.signal, progress: step => this.#progress?.update(step) }
  }

  /**
   * When `path` is `-`, standard output carries a file: the report goes to standard error, and --json has no place to go. Throws USAGE then, and
   * when standard output is a terminal.
   */
  protected claimStdout(flag: string, path: string | undefined): void {
    if (path !== '-') return
    if (this.#json)
      throw usageError(`${flag} - and --json${this.#json === 'lines' ? 'l' : ''} both want standard output`, 'write the file to a path, or leave --json out')
    if (this.#given.io.stdout.isTerminal) throw usageError(`${flag} - would write a file to the terminal`, 'redirect standard output, or name a file')
    this.#stdoutClaimed = true
  }

  /**
   * The standard streams for a guest's console: what it prints is standard output's, so the report goes to standard error. With --json and --quiet nobody
   * sees it, and the keys of a terminal stay what they are.
   */
  protected claimConsole(): ConsoleStreams {
    const { stdin, stdout, stderr } = this.#given.io
    const isSilent = this.#json !== undefined || this.#isQuiet()
    if (!isSilent) this.#stdoutClaimed = true
    return { input: isSilent && stdin?.isTTY ? undefined : stdin, output: isSilent ? undefined : stdout, messages: stderr }
  }

  /** Prints one result of many now. */
  protected async row(row: object, text: (page: Page) => string): Promise<void> {
    this.#streamed = true
    this.#progress?.clear()
    if (this.#json) await this.#given.io.stdout.write(`${jsonLine(row)}\n`)
    else if (!this.#isQuiet()) await this.#textOutput.write(ended(text(pageOf(this.#textOutput))))
  }

  /** Prints text now, between results; nothing with --json or --quiet. */
  protected async say(text: (page: Page) => string): Promise<void> {
    if (this.#json || this.#isQuiet()) return
    const said = ended(text(pageOf(this.#textOutput)))
    if (said === '') return
    this.#progress?.clear()
    await this.#textOutput.write(said)
  }

  /** Where results go as JSON while they come; undefined when text is wanted. From here on every end of the command is JSON of this kind. */
  protected get results(): JsonResults | undefined {
    const { stdout } = this.#given.io
    if (this.#json) this.#results ??= this.#json === 'lines' ? jsonLines(stdout) : jsonObject(stdout)
    return this.#results
  }

  // `any` as in oclif's own signature: these three are inferred from the command's statics.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  protected override async parse<F extends Interfaces.OutputFlags<any>, B extends Interfaces.OutputFlags<any>, A extends Interfaces.OutputArgs<any>>(
    options: Interfaces.Input<F, B, A>,
    argv?: string[],
  ): Promise<Interfaces.ParserOutput<F, B, A>> {
    const args = Object.fromEntries(Object.entries(options.args ?? {}).map(([name, arg]) => [name, { ...(arg as object), ignoreStdin: true }]))
    // A class hands down its statics by inheritance, which a spread does not copy.
    const { baseFlags, enableJsonFlag, strict } = options
    return super.parse({ ...options, args, baseFlags, enableJsonFlag, strict } as Interfaces.Input<F, B, A>, argv)
  }

  async #printOutcome(report: T, text: (page: Page) => string): Promise<void> {
    if (this.#json) return this.#given.io.stdout.write(this.#streamed ? `${jsonLine({ summary: report })}\n` : `${jsonPretty({ ok: true, ...report })}\n`)
    if (!this.#isQuiet()) await this.#textOutput.write(ended(text(pageOf(this.#textOutput))))
  }

  get #given(): Surroundings {
    if (this.#surroundings === undefined) throw new Error(`${this.id} was run without start()`)
    return this.#surroundings
  }

  get #textOutput(): Output {
    return this.#stdoutClaimed ? this.#given.io.stderr : this.#given.io.stdout
  }

  get #json(): JsonKind | undefined {
    return wantsJson(this.argv)
  }

  // Before and without parsing, because a parse error is to be quiet or JSON too.
  #isQuiet(): boolean {
    const end = this.argv.indexOf('--')
    return (end === -1 ? this.argv : this.argv.slice(0, end)).includes('--quiet')
  }

  #spokenId(): string {
    return `${this.config.bin} ${(this.id ?? '').replaceAll(':', ' ')}`
  }

  #vocabulary(): Vocabulary {
    const { flags, baseFlags } = this.ctor
    const all: Record<string, { char?: string }> = { json: {}, help: {}, ...baseFlags, ...flags }
    return {
      flags: Object.entries(all).flatMap(([name, { char }]) => [`--${name}`, ...(char === undefined ? [] : [`-${char}`])]),
      usage: `see \`${this.#spokenId()} --help\``,
    }
  }
}

/** A page of the width and colours of an output. */
export const pageOf = (output: Output): Page => ({ columns: output.columns, style: output.color ? COLOR_STYLE : PLAIN_STYLE })

const ended = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`)

/** A failure as everybody gets it: one JSON object on standard output, or lines on standard error; a stack only when asked for. */
export async function printFailure(
  failure: Failure,
  cause: unknown,
  io: Io,
  { json, command }: { json: JsonKind | undefined; command: string },
): Promise<void> {
  if (json) await io.stdout.write(`${(json === 'lines' ? jsonLine : jsonPretty)(failureJson(failure))}\n`)
  else {
    const { style } = pageOf(io.stderr)
    const hint = failure.hint === undefined ? '' : `  hint: ${terminalLines(failure.hint)}\n`
    await io.stderr.write(`${style.bad(`${command}:`)} ${terminalLines(failure.message)} (${failure.code})\n${hint}`)
  }
  await printStack(cause, io)
}

async function printStack(cause: unknown, io: Io): Promise<void> {
  if (io.debug && cause instanceof Error) await io.stderr.write(`${terminalLines(stackOf(cause))}\n`)
}

function stackOf(error: Error): string {
  const own = error.stack ?? String(error)
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own
}
