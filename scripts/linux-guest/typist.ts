// Owns somebody at a guest's console who waits for the prompt before every line. For runs without a terminal.
import type { ConsolePort } from '../../src/ops/run/console-port.ts'
import { PROMPT } from './initramfs.ts'

export interface Typist extends ConsolePort {
  /** Everything that the guest printed. */
  readonly output: string
}

/** `isAtPrompt`: the guest has asked already. */
export function typist(lines: readonly string[], isAtPrompt = false): Typist {
  let output = ''
  let seen = 0
  let typed = 0
  let waiting: Uint8Array = new Uint8Array(0)
  const type = (): void => {
    if (typed < lines.length) waiting = new TextEncoder().encode(`${lines[typed++]}\n`)
  }
  if (isAtPrompt) type()
  const decoder = new TextDecoder('latin1')
  return {
    get output() {
      return output
    },
    async write(bytes) {
      output += decoder.decode(bytes)
      const at = output.indexOf(PROMPT, seen)
      if (at < 0) return
      seen = at + PROMPT.length
      type()
    },
    waiting: () => waiting,
    taken(count) {
      waiting = waiting.subarray(count)
    },
    isOpen: false,
    wantsToLeave: false,
    wait: async () => {},
  }
}
