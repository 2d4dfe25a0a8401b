// Owns somebody at a guest's console who waits for the prompt before every line. For runs without a terminal.
import type { ConsolePort } from '../../src/ops/run/console-port.ts'
import { PROMPT } from './initramfs.ts'

export interface Typist extends ConsolePort {
  /** Everything that the guest printed. */
  readonly output: string
}

export function typist(lines: readonly string[], prompt: string = PROMPT): Typist {
  let output = ''
  let seen = 0
  let typed = 0
  let waiting = new Uint8Array(0)
  const decoder = new TextDecoder('latin1')
  return {
    get output() {
      return output
    },
    async write(bytes) {
      output += decoder.decode(bytes)
      const at = output.indexOf(prompt, seen)
      if (at < 0 || typed === lines.length) return
      seen = at + prompt.length
      waiting = new TextEncoder().encode(`${lines[typed++]}\n`)
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
