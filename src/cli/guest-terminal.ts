// Owns a guest's console on this process's standard streams: raw while somebody sits at a terminal, given back whatever happens; a pipe is read to its end.
// Ctrl-A is the one key that is not the guest's. Knows no guest.
import type { ConsolePort } from '../ops/run/console-port.ts'
import type { ConsoleStreams } from './io.ts'

const CTRL_A = 0x01
const HELP = '\r\nCtrl-A X  leave the guest\r\nCtrl-A H  this help\r\nCtrl-A Ctrl-A  send Ctrl-A\r\n'
/** Bytes of a pipe that wait for the guest; the rest waits in the pipe. */
const MOST_WAITING = 1 << 16

export interface GuestTerminal extends ConsolePort {
  /** Whether somebody sits there. */
  readonly isTerminal: boolean
  /** Whether somebody sees what the guest prints. */
  readonly prints: boolean
  /** Gives the terminal back. */
  close(): void
}

export function guestTerminal({ input, output, messages }: ConsoleStreams): GuestTerminal {
  const isTerminal = input?.isTTY === true
  let waiting = new Uint8Array(0)
  let isOpen = input !== undefined
  let wantsToLeave = false
  let isAfterCtrlA = false
  let isPaused = false
  let wake = (): void => {}

  const say = (text: string): void => void messages.write(text)
  function keep(bytes: Uint8Array): void {
    const next = new Uint8Array(waiting.length + bytes.length)
    next.set(waiting)
    next.set(bytes, waiting.length)
    waiting = next
  }
  /** Takes the keys that are ours out of what was typed. */
  function typed(bytes: Uint8Array): Uint8Array {
    const kept: number[] = []
    for (const byte of bytes) {
      if (!isAfterCtrlA) {
        if (byte === CTRL_A) isAfterCtrlA = true
        else kept.push(byte)
        continue
      }
      isAfterCtrlA = false
      const key = String.fromCharCode(byte).toLowerCase()
      if (byte === CTRL_A) kept.push(byte)
      else if (key === 'x') wantsToLeave = true
      else if (key === 'h' || key === '?') say(HELP)
    }
    return Uint8Array.from(kept)
  }
  const onData = (data: Uint8Array): void => {
    keep(isTerminal ? typed(data) : data)
    if (waiting.length > MOST_WAITING && !isPaused) {
      isPaused = true
      input?.pause()
    }
    wake()
  }
  const onEnd = (): void => {
    isOpen = false
    wake()
  }
  const restore = (): void => {
    if (isTerminal) input?.setRawMode?.(false)
  }
  // A terminal that stays raw behind a process that has gone is of no use to anybody.
  if (isTerminal) process.on('exit', restore)
  if (isTerminal) input?.setRawMode?.(true)
  input?.on('data', onData)
  input?.on('end', onEnd)
  input?.on('error', onEnd)
  input?.resume()

  return {
    isTerminal,
    get isOpen() {
      return isOpen
    },
    get wantsToLeave() {
      // Nobody reads any more (`run … | head`): without this the guest would run for ever.
      return wantsToLeave || output?.isUnread === true
    },
    prints: output !== undefined,
    write: async bytes => output?.write(bytes),
    waiting: () => waiting,
    taken(count) {
      waiting = waiting.subarray(count)
      if (!isPaused || waiting.length > MOST_WAITING / 2) return
      isPaused = false
      input?.resume()
    },
    wait: milliseconds =>
      new Promise(resolve => {
        const timer = setTimeout(done, milliseconds)
        function done(): void {
          clearTimeout(timer)
          wake = () => {}
          resolve()
        }
        wake = done
      }),
    close() {
      input?.off('data', onData)
      input?.off('end', onEnd)
      input?.off('error', onEnd)
      input?.pause()
      restore()
      process.off('exit', restore)
    },
  }
}
