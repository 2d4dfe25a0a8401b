// Builds guest/probe with the cross compiler and writes src/emulator/board/guest/images.ts. Run it after every change of the guest's source:
// a test compiles the source again with the compiler named there and compares the bytes.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const GCC = 'aarch64-linux-gnu-gcc'
const OBJCOPY = 'aarch64-linux-gnu-objcopy'
const FLAGS = [
  ...['-O2', '-mgeneral-regs-only', '-march=armv8-a', '-ffreestanding', '-nostdlib', '-static', '-mstrict-align', '-mno-outline-atomics'],
  ...['-fno-pic', '-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-Wall', '-Wextra', '-Werror'],
  ...['-Wl,--build-id=none', '-Wl,--no-warn-rwx-segments'],
]
const SOURCES = fileURLToPath(new URL('../../guest/probe/', import.meta.url))
const OUTPUT = fileURLToPath(new URL('../../src/emulator/board/guest/images.ts', import.meta.url))

/** First line of `--version`; undefined when the compiler is not installed. */
export function compilerVersion(): string | undefined {
  try {
    return execFileSync(GCC, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0]
  } catch {
    return undefined
  }
}

/** Compiles one image: `linkerScript` and `sources` are names in guest/probe. */
export function compile(linkerScript: string, sources: readonly string[]): Uint8Array {
  const work = mkdtempSync(join(tmpdir(), 'psci-snap-guest-'))
  try {
    const elf = join(work, 'image.elf')
    const binary = join(work, 'image.bin')
    execFileSync(GCC, [...FLAGS, '-T', linkerScript, ...sources, '-o', elf], { cwd: SOURCES, stdio: ['ignore', 'inherit', 'inherit'] })
    execFileSync(OBJCOPY, ['-O', 'binary', elf, binary])
    return new Uint8Array(readFileSync(binary))
  } finally {
    rmSync(work, { recursive: true })
  }
}

export const IMAGES = { probe: ['probe.ld', ['start.S', 'probe.c']], payload: ['payload.ld', ['payload.S']] } as const satisfies Record<
  string,
  readonly [string, readonly string[]]
>

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const version = compilerVersion()
  if (version === undefined) throw new Error(`${GCC} is not installed`)
  const line = (name: string, bytes: Uint8Array) => {
    const chunks =
      Buffer.from(bytes)
        .toString('base64')
        .match(/.{1,150}/g) ?? []
    return `/** ${bytes.length} bytes. */\nexport const ${name} =\n${chunks.map(chunk => `  '${chunk}'`).join(' +\n')}\n`
  }
  const images = Object.entries(IMAGES).map(([name, [script, sources]]) => line(`${name.toUpperCase()}_BASE64`, compile(script, sources)))
  writeFileSync(
    OUTPUT,
    `// table of the built-in guest's machine code, base64. Written by scripts/guest/build-guest.ts from guest/probe; never edited.\n\nexport const COMPILER = '${version}'\n${images.join('')}`,
  )
  process.stdout.write(`${OUTPUT}\n`)
}
