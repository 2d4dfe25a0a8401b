// Owns where a command prints: two streams, and what is known about the terminal behind them. Files named `-` are not its
// business. Knows no command, no report and no oclif.

/** Where bytes go. `write` resolves when more may be written; after the reader has gone away (EPIPE) it resolves and drops. */
export interface Output {
  write(data: string | Uint8Array): Promise<void>
  readonly isTerminal: boolean
  /** True after a write failed, as on a full disk: what is written from then on is dropped. */
  readonly isBroken?: boolean
  /** True after the reader of a pipe has gone: what is written from then on is dropped. */
  readonly isUnread?: boolean
  /** Width of the terminal in columns; undefined when there is none, so that nothing is wrapped or cut in a file. */
  readonly columns: number | undefined
  /** Whether colour may be used: NO_COLOR, then FORCE_COLOR, then whether it is a terminal that can. */
  readonly color: boolean
}

/** What a terminal and a pipe have in common as an input. */
export interface InputStream {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
  on(event: 'data', listener: (data: Uint8Array) => void): unknown
  on(event: 'end' | 'error', listener: () => void): unknown
  off(event: 'data', listener: (data: Uint8Array) => void): unknown
  off(event: 'end' | 'error', listener: () => void): unknown
  resume(): unknown
  pause(): unknown
}

/** What a guest's console is made of here. */
export interface ConsoleStreams {
  /** Absent: it has ended. */
  readonly input: InputStream | undefined
  /** Absent: nobody sees what the guest prints. */
  readonly output: Output | undefined
  /** For words about the keys that are ours. */
  readonly messages: Output
}

export interface Io {
  readonly stdout: Output
  readonly stderr: Output
  /** Standard input, for what is not a file: a guest's console. Absent: it has ended. */
  readonly stdin?: InputStream
  /** PSCI_SNAP_DEBUG is set: stack traces are wanted. */
  readonly debug: boolean
}

/** The streams of this process. Looks at them when asked, not before: creating a stream object costs start-up time. */
export function processIo(env: NodeJS.ProcessEnv = process.env): Io {
  return {
    get stdout() {
      return outputs.stdout ?? streamOutput('stdout', env)
    },
    get stderr() {
      return outputs.stderr ?? streamOutput('stderr', env)
    },
    get stdin() {
      return process.stdin
    },
    debug: isSet(env.PSCI_SNAP_DEBUG),
  }
}

const outputs: { stdout?: Output; stderr?: Output } = {}

function streamOutput(name: 'stdout' | 'stderr', env: NodeJS.ProcessEnv): Output {
  const stream = process[name]
  let readerGone = false
  let isBroken = false
  // First of all: oclif has a listener too, which throws before ours would know.
  stream.prependListener('error', (error: NodeJS.ErrnoException) => {
    readerGone = true
    if (error.code === 'EPIPE') return // `psci-snap … | head -1` is not a failure
    isBroken = true
    throw error
  })
  const output: Output = {
    write: data => {
      if (readerGone || stream.write(data)) return Promise.resolve()
      return new Promise(resolve => {
        const done = (): void => {
          stream.off('drain', done).off('error', done).off('close', done)
          resolve()
        }
        stream.on('drain', done).on('error', done).on('close', done)
      })
    },
    get isBroken() {
      return isBroken
    },
    get isUnread() {
      return readerGone
    },
    isTerminal: stream.isTTY === true,
    columns: stream.isTTY === true ? stream.columns : undefined,
    color: wantsColor(env, stream.isTTY === true),
  }
  outputs[name] = output
  return output
}

/** NO_COLOR, whatever its value unless it is empty (no-color.org), wins, then FORCE_COLOR, then the terminal. FORCE_COLOR=0 and an empty variable mean what they say. */
export function wantsColor(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  return isTerminal && env.TERM !== 'dumb'
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== '' && value !== '0'
