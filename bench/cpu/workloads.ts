// Owns the workloads of the CPU bench: where their images are, how long they run, how one is prepared. Knows no engine.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const LOAD_ADDRESS = 0x4008_0000n
const REPETITIONS_AT = 8
/** How much longer than a measured run QEMU's is. */
const LONGER = 10
const PROTOTYPE_LONGER = 4

export interface Workload {
  readonly name: string
  readonly image: Uint8Array
  /** The same, longer, for QEMU; undefined when it cannot be made here. */
  readonly long: Uint8Array | undefined
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const PROTOTYPE = file('../../../shared/prototypes/a64/guest/')

/** Ours, then the prototype's where the shared material is present. Runs of 80 to 700 million instructions. */
export function workloads(): readonly Workload[] {
  const prototypes = [
    ['w1', 10],
    ['w2', 60],
    ['w3', 5],
    ['w4', 20],
  ] as const
  const found = prototypes.flatMap(([name, repetitions]) => {
    const path = join(PROTOTYPE, `${name}.bin`)
    return existsSync(path) ? [{ name: `prototype ${name}`, image: readFileSync(path), long: buildPrototype(name, repetitions * PROTOTYPE_LONGER) }] : []
  })
  return [own('sieve', 6), own('copy', 5), own('sort', 6), own('calls', 30), ...found]
}

function own(name: string, repetitions: number): Workload {
  return { name, image: ownImage(name, repetitions), long: ownImage(name, repetitions * LONGER) }
}

/** One of our images with its number of repetitions; 0 ends at once. */
export function ownImage(name: string, repetitions: number): Uint8Array {
  const image = new Uint8Array(readFileSync(file(`guest/${name}.bin`)))
  new DataView(image.buffer).setUint32(REPETITIONS_AT, repetitions, true)
  return image
}

/** Builds a prototype workload from its source, as its Makefile does; undefined without the cross compiler. */
function buildPrototype(name: string, repetitions: number): Uint8Array | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'psci-snap-bench-'))
  try {
    const [elf, bin] = [join(directory, 'elf'), join(directory, 'bin')]
    const flags = ['-O2', '-mgeneral-regs-only', '-ffreestanding', '-nostdlib', '-static', '-fno-pic', '-Wl,--build-id=none', '-Wl,--no-warn-rwx-segments']
    const sources = ['start.S', `${name}.c`].map(source => join(PROTOTYPE, source))
    const options = [...flags, '-DBARE', `-DREPS=${repetitions}`, '-T', join(PROTOTYPE, 'bare.ld'), '-o', elf, ...sources]
    if (spawnSync('aarch64-linux-gnu-gcc', options).status !== 0) return undefined
    if (spawnSync('aarch64-linux-gnu-objcopy', ['-O', 'binary', elf, bin]).status !== 0) return undefined
    return new Uint8Array(readFileSync(bin))
  } finally {
    rmSync(directory, { recursive: true })
  }
}
