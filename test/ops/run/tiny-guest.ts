// A guest of 53 instructions that talks: the smallest that `run` can be tried with. It wants its device tree, prints "hello", then does what it is told,
// a letter at a time: q passes, f fails (as kvm-unit-tests say it, and off), w waits for an interrupt, h hibernates (and says ! when it may not).
//
//   _start: mov x20, #0x09000000; adr x1, hello; bl print
//           ldr w3, [x0]; movz w4, #0x0dd0; movk w4, #0xedfe, lsl #16; cmp w3, w4; b.ne .
//   next:   ldrb w2, [x20, #0x18]; tbnz w2, #4, next; ldrb w2, [x20]; strb w2, [x20]
//           adr x1, passed; cmp w2, #'q'; b.eq leave
//           adr x1, failed; cmp w2, #'f'; b.eq leave
//           cmp w2, #'w'; b.eq wait; cmp w2, #'h'; b.ne next
//           movz w0, #0x15; mov x1, #1; mov x2, #0; bl call; mov w2, #'!'; strb w2, [x20]; b next
//   wait:   wfi; b next
//   leave:  bl print; movz w0, #0x8; bl call; b .
//   call:   movk w0, #0x8400, lsl #16; hvc #0; ret
//   print:  ldrb w2, [x1], #1; cbz w2, 1f; strb w2, [x20]; b print; 1: ret
//   hello:  .asciz "hello\n"; passed: .asciz "\nEXIT: STATUS=1\n"; failed: .asciz "\nEXIT: STATUS=3\n"
import type { ConsolePort } from '../../../src/ops/run/console-port.ts'

export const TINY_GUEST: Uint8Array = Buffer.from(
  'FCCh0kEFABAkAACUAwBAuQS6gVLEv71yfwAEawEAAFSCYkA54v8nN4ICQDmCAgA5AQQAcF/EAXEgAgBUQQQAEF+YAXHAAQBUX9wBcUABAFRfoAFxYf7/VKACgFIhAIDSAgCA0goAAJQiBIBSggIA' +
    'Oez//xd/IAPV6v//FwcAAJQAAYBSAgAAlAAAABQAgLByAgAA1MADX9YiFEA4YgAANIICADn9//8XwANf1mhlbGxvCgAKRVhJVDogU1RBVFVTPTEKAApFWElUOiBTVEFUVVM9MwoA',
  'base64',
)
/** Bytes of memory that it runs in. */
export const TINY_MEMORY = 4 << 20

/** Somebody who has said everything at once, and reads. */
export function speaker(words: string): ConsolePort & { readonly output: string } {
  let waiting: Uint8Array = new TextEncoder().encode(words)
  let output = ''
  return {
    get output() {
      return output
    },
    async write(bytes) {
      output += String.fromCharCode(...bytes)
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
