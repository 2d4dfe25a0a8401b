// A guest's console on a terminal: raw while it lasts, every key the guest's but Ctrl-A; and on a pipe: every byte the guest's.
import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { guestTerminal } from '../../src/cli/guest-terminal.ts'
import { memoryIo } from './memory-io.ts'

class Keyboard extends EventEmitter {
  readonly isTTY: boolean
  isRaw = false
  isFlowing = false
  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }
  setRawMode(raw: boolean): void {
    this.isRaw = raw
  }
  resume(): void {
    this.isFlowing = true
  }
  pause(): void {
    this.isFlowing = false
  }
  type(text: string): void {
    this.emit('data', Buffer.from(text, 'latin1'))
  }
}

function sitting(isTTY: boolean) {
  const input = new Keyboard(isTTY)
  const io = memoryIo()
  const terminal = guestTerminal({ input, output: io.stdout, messages: io.stderr })
  return { input, io, terminal, waiting: () => Buffer.from(terminal.waiting()).toString('latin1') }
}

describe('on a terminal', () => {
  test('it is raw until it is closed, and nothing of ours stays on the stream', () => {
    const { input, terminal } = sitting(true)
    const before = process.listenerCount('exit')
    expect([input.isRaw, input.isFlowing, terminal.isTerminal]).toEqual([true, true, true])
    terminal.close()
    expect([input.isRaw, input.isFlowing, input.listenerCount('data'), process.listenerCount('exit')]).toEqual([false, false, 0, before - 1])
  })
  test('Ctrl-C and all other keys are the guest’s', () => {
    const { input, waiting, terminal } = sitting(true)
    input.type('ls\r\u0003\u001b[A')
    expect(waiting()).toBe('ls\r\u0003\u001b[A')
    terminal.taken(3)
    expect(waiting()).toBe('\u0003\u001b[A')
    terminal.close()
  })
  test('Ctrl-A X leaves, Ctrl-A H helps, Ctrl-A twice is Ctrl-A, other keys after it are nothing', () => {
    const { input, io, terminal, waiting } = sitting(true)
    input.type('a\u0001')
    input.type('hb\u0001\u0001\u0001zc')
    expect([waiting(), terminal.wantsToLeave]).toEqual(['ab\u0001c', false])
    expect(io.written('stderr')).toContain('Ctrl-A X')
    input.type('\u0001X')
    expect(terminal.wantsToLeave).toBe(true)
    terminal.close()
  })
})

describe('on a pipe', () => {
  test('every byte is the guest’s, and the end is only the end of the input', () => {
    const { input, terminal, waiting } = sitting(false)
    input.type('\u0001x')
    expect([waiting(), terminal.wantsToLeave, terminal.isOpen, input.isRaw]).toEqual(['\u0001x', false, true, false])
    input.emit('end')
    expect(terminal.isOpen).toBe(false)
    terminal.close()
  })
  test('when nobody reads what the guest prints any more, the guest is left', () => {
    const io = memoryIo()
    let isUnread = false
    const output = {
      ...io.stdout,
      get isUnread() {
        return isUnread
      },
    }
    const terminal = guestTerminal({ input: undefined, output, messages: io.stderr })
    expect(terminal.wantsToLeave).toBe(false)
    isUnread = true
    expect(terminal.wantsToLeave).toBe(true)
    terminal.close()
  })
  test('a pipe that is faster than the guest waits', () => {
    const { input, terminal } = sitting(false)
    input.type('x'.repeat(70_000))
    expect(input.isFlowing).toBe(false)
    terminal.taken(60_000)
    expect(input.isFlowing).toBe(true)
    terminal.close()
  })
})

test('waiting ends when something comes', async () => {
  const { input, terminal } = sitting(true)
  const started = performance.now()
  setTimeout(() => input.type('x'), 10)
  await terminal.wait(5000)
  expect(performance.now() - started).toBeLessThan(4000)
  await terminal.wait(1)
  terminal.close()
})

test('what the guest prints goes out as it is; without an output it goes nowhere', async () => {
  const { io, terminal } = sitting(false)
  await terminal.write(Uint8Array.of(0x1b, 0x5b, 0x41, 0xff))
  expect([...io.bytes('stdout')]).toEqual([0x1b, 0x5b, 0x41, 0xff])
  terminal.close()
  const silent = guestTerminal({ input: undefined, output: undefined, messages: io.stderr })
  await silent.write(Uint8Array.of(1))
  expect([silent.isOpen, silent.prints]).toEqual([false, false])
  silent.close()
})
