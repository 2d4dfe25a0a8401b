// Owns the configuration section at the start of a stream: machine type, page size, capabilities. Source: migration/savevm.c; facts/qemu-stream.md §2.
import { u32 } from './boundary.ts'
import { QEMU_LIMITS } from './limits.ts'
import { beyondLimit, corrupt, type Window } from './window.ts'

export interface Configuration {
  readonly machine: string
  /** log2 of the page size; QEMU's default of 10 when the stream does not say. */
  readonly pageBits?: number
  readonly capabilities: readonly string[]
  readonly uuid?: Uint8Array
}

const SUBSECTION = 0x05

/** Reads the body that begins at `at`. */
export async function readConfiguration(window: Window, at: number): Promise<{ readonly configuration: Configuration; readonly next: number }> {
  const { source } = window
  const length = u32(await window.view(at, 4, 'the machine type'), 0)
  if (length > QEMU_LIMITS.configurationText) throw beyondLimit(source, `the machine type has ${length} characters`, at)
  const machine = text(await window.view(at + 4, length, 'the machine type'))
  let next = at + 4 + length
  let pageBits: number | undefined
  let uuid: Uint8Array | undefined
  const capabilities: string[] = []
  for (;;) {
    const head = await window.some(next, 2)
    if (head[0] !== SUBSECTION) break
    const nameLength = head[1] ?? 0
    const name = text(await window.view(next + 2, nameLength, 'a part of the configuration'))
    const body = next + 2 + nameLength + 4
    switch (name) {
      case 'configuration/target-page-bits':
        pageBits = u32(await window.view(body, 4, name), 0)
        // 1 KiB, the smallest of the architecture's past, to 64 KiB
        if (pageBits < 10 || pageBits > 16) throw corrupt(source, `pages of 2^${pageBits} bytes`, body)
        next = body + 4
        break
      case 'configuration/capabilities': {
        const count = u32(await window.view(body, 4, name), 0)
        if (count > QEMU_LIMITS.capabilities) throw beyondLimit(source, `${count} capabilities`, body)
        next = body + 4
        for (let i = 0; i < count; i++) {
          const size = (await window.view(next, 1, name))[0] as number
          capabilities.push(text(await window.view(next + 1, size, name)))
          next += 1 + size
        }
        break
      }
      case 'configuration/uuid':
        uuid = new Uint8Array(await window.view(body, 16, name))
        next = body + 16
        break
      default:
        throw corrupt(source, `the configuration has an unknown part ${JSON.stringify(name)}`, next)
    }
  }
  return { configuration: { machine, ...(pageBits === undefined ? {} : { pageBits }), capabilities, ...(uuid ? { uuid } : {}) }, next }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
