// Owns how anything that was thrown becomes one clear failure: a code, a message, what to do, an exit status. Prints nothing.
import { ERROR_CODES, SnapError, type Where } from '../errors.ts'
import { nearMatches } from '../near-match.ts'

/** `code` is an ErrorCode of src/errors.ts, or INTERNAL (exit 1) for a bug of ours. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly at?: Where
  readonly exit: number
}

/** What the words on the command line could have been, for hints. */
export interface Vocabulary {
  readonly flags: readonly string[]
  readonly usage: string
}

/** Never throws. `signal` tells an interruption from a failure: whatever is thrown after Ctrl-C was caused by it. */
export function failureOf(error: unknown, words: Vocabulary, signal: AbortSignal): Failure {
  if (error instanceof SnapError) return { code: error.code, message: error.message, hint: error.hint, at: error.at, exit: error.exitCode }
  if (signal.aborted && isAbort(error, signal)) return coded('INTERRUPTED', 'interrupted')
  if (isParserError(error)) return usageFailure(error, words)
  if (isSystemError(error)) return systemFailure(error)
  return {
    code: 'INTERNAL',
    message: `internal error: ${error instanceof Error ? error.message || error.name : String(error)}`,
    hint: 'this is a bug in psci-snap; please report it with what the same command prints when PSCI_SNAP_DEBUG=1 is set',
    exit: 1,
  }
}

function coded(code: keyof typeof ERROR_CODES, message: string, hint: string = ERROR_CODES[code].hint): Failure {
  return { code, message, hint, exit: ERROR_CODES[code].exit }
}

/** A usage error that the parser cannot see. */
export function usageError(message: string, hint?: string): SnapError {
  return new SnapError('USAGE', message, {}, hint === undefined ? {} : { hint })
}

/** `did you mean X?`, or the fallback when nothing is near. */
export function didYouMean(word: string, known: Iterable<string>, fallback: string): string {
  const near = nearMatches(word, known)
  return near.length === 0 ? fallback : `did you mean ${near.join(' or ')}?`
}

// What @oclif/core 4 throws while it parses: recognised by the exit status it asks for (2), or by its class for a value that does not parse.
interface ParserError extends Error {
  readonly oclif?: { readonly exit?: number }
  readonly flags?: readonly string[]
  readonly args?: readonly { readonly name: string }[] | readonly string[]
}

function isParserError(error: unknown): error is ParserError {
  return error instanceof Error && 'oclif' in error && (error as ParserError).oclif?.exit === 2
}

function usageFailure(error: ParserError, words: Vocabulary): Failure {
  const [flag] = error.flags ?? []
  // By message: class names do not survive the bundle.
  if (flag !== undefined && error.message.startsWith('Nonexistent flag'))
    return coded('USAGE', `unknown flag ${error.flags?.join(', ')}`, didYouMean(flag.split('=', 1)[0]!, words.flags, words.usage))
  if (error.message.startsWith('Missing ') && error.args !== undefined)
    return coded(
      'USAGE',
      `missing argument ${names(error.args)
        .map(name => name.toUpperCase())
        .join(', ')}`,
      words.usage,
    )
  if (error.message.startsWith('Unexpected argument') && error.args !== undefined)
    return coded('USAGE', `unexpected argument ${names(error.args).join(', ')}`, words.usage)
  return coded('USAGE', readable(error.message), words.usage)
}

const names = (args: NonNullable<ParserError['args']>): string[] => args.map(arg => (typeof arg === 'string' ? arg : arg.name))

/** The parser's own sentence as one line: its pointer to --help is our hint, and its colours are not for every stream. */
function readable(message: string): string {
  const lines = stripColor(message)
    .replace(/\n?See more help with --help/, '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !/^The following errors? occurred:$/.test(line))
  const text = lines.join('; ')
  return text.replace(/^Parsing (--?\S+) *; /, '$1: ').replace(/^[A-Z](?=[a-z])/, first => first.toLowerCase())
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence starts with one
const stripColor = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, '')

const READS = new Set(['open', 'read', 'stat', 'lstat', 'fstat', 'scandir', 'readlink', 'realpath', 'access'])

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && typeof (error as NodeJS.ErrnoException).code === 'string'
}

/** A file operation that nobody had a better sentence for. */
function systemFailure(error: NodeJS.ErrnoException): Failure {
  const code = READS.has(error.syscall ?? '') ? 'CANNOT_READ' : 'CANNOT_WRITE'
  return { ...coded(code, error.message), ...(error.path !== undefined && { at: { file: error.path } }) }
}

const isAbort = (error: unknown, signal: AbortSignal): boolean => error === signal.reason || (error instanceof Error && error.name === 'AbortError')
