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
import type { Io, Output } from './io.ts'
import { failureJson, jsonLine, jsonPretty, wantsJson } from './json.ts'
import { type ProgressLine, progressLine } from './progress.ts'

/** What a command came to. */
export interface Outcome<T extends object> {
  readonly report: T
  /** The report for people; without a final newline. */
  readonly text: (page: Page) => string
  /** 3: the work was done and the answer is no (differs, not valid, changed, refused). */
  readonly status?: 0 | 3
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
  #streamed = false
  #stdoutClaimed = false

  /**
   * Runs the command to its exit status and prints all there is to print. Never throws, never ends the process.
   * The only way a command of ours is run.
   */
  async start(surroundings: Surroundings): Promise<number> {
    this.#surroundings = surroundings
    this.#progress = progressLine(surroundings.io, this.#isQuiet() || this.#json)
    try {
      const { report, text, status = 0 } = await this.run()
      this.#progress.clear()
      await this.#printOutcome(report, text)
      return status
    } catch (error) {
      this.#progress.clear()
      const failure = failureOf(error, this.#vocabulary(), surroundings.signal)
      await printFailure(failure, error, surroundings.io, { json: this.#json, command: this.#spokenId() })
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
    if (this.#json) throw usageError(`${flag} - and --json both want standard output`, 'write the file to a path, or leave --json out')
    if (this.#given.io.stdout.isTerminal) throw usageError(`${flag} - would write a file to the terminal`, 'redirect standard output, or name a file')
    this.#stdoutClaimed = true
  }

  /** Prints one result of many now. */
  protected async row(row: object, text: (page: Page) => string): Promise<void> {
    this.#streamed = true
    this.#progress?.clear()
    if (this.#json) await this.#given.io.stdout.write(`${jsonLine(row)}\n`)
    else if (!this.#isQuiet()) await this.#textOutput.write(ended(text(pageOf(this.#textOutput))))
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

  get #json(): boolean {
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
export async function printFailure(failure: Failure, cause: unknown, io: Io, { json, command }: { json: boolean; command: string }): Promise<void> {
  if (json) await io.stdout.write(`${jsonPretty(failureJson(failure))}\n`)
  else {
    const { style } = pageOf(io.stderr)
    const hint = failure.hint === undefined ? '' : `  hint: ${terminalLines(failure.hint)}\n`
    await io.stderr.write(`${style.bad(`${command}:`)} ${terminalLines(failure.message)} (${failure.code})\n${hint}`)
  }
  if (io.debug && cause instanceof Error) await io.stderr.write(`${terminalLines(stackOf(cause))}\n`)
}

function stackOf(error: Error): string {
  const own = error.stack ?? String(error)
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own
}
