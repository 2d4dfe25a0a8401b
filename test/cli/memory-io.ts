// Owns an Io that lives in memory: what a command printed, and what it is told about its terminal.
import type { Io, Output } from '../../src/cli/io.ts'

export interface MemoryIoOptions {
  readonly terminal?: boolean
  readonly color?: boolean
  readonly columns?: number
  readonly debug?: boolean
}

export interface MemoryIo extends Io {
  /** Everything written so far, as text. */
  written(stream: 'stdout' | 'stderr'): string
  bytes(stream: 'stdout' | 'stderr'): Uint8Array
}

export function memoryIo({ terminal = false, color = false, columns, debug = false }: MemoryIoOptions = {}): MemoryIo {
  const chunks: Record<'stdout' | 'stderr', Uint8Array[]> = { stdout: [], stderr: [] }
  const output = (name: 'stdout' | 'stderr'): Output => ({
    write: async data => {
      chunks[name].push(typeof data === 'string' ? new TextEncoder().encode(data) : data.slice())
    },
    isTerminal: terminal,
    columns,
    color,
  })
  const bytes = (name: 'stdout' | 'stderr'): Uint8Array => Buffer.concat(chunks[name])
  return {
    stdout: output('stdout'),
    stderr: output('stderr'),
    debug,
    bytes,
    written: name => Buffer.from(bytes(name)).toString('utf8'),
  }
}
