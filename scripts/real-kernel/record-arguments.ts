// Owns what `scripts/record.sh` is told: its arguments, and what is wrong with them. Looks at no archive and boots nothing.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder } from '../portable/cache.ts'
import { readPackages } from './packages.ts'

export const USAGE = `usage: scripts/record.sh KERNEL-PACKAGE[=VERSION] [SUITE] [CPU] -o BUILD.json [options]

Boots a Debian kernel package for arm64 as a KVM host under qemu-system-aarch64, probes it, and writes what it offers as a build file.
Needs Node, apt with the Debian keyring, qemu-system-aarch64 and cpio; no root, no arm64, no /dev/kvm. Takes a few minutes.

  KERNEL-PACKAGE       linux-image-… (up to 6.18) or linux-binary-… (from 6.19), as the archive names it
  SUITE                bookworm, trixie-backports, …; by default all that scripts/real-kernel/packages.json names
  CPU                  a QEMU CPU with EL2: cortex-a72 (default), neoverse-n1, max, …
  -o, --output FILE    build file
  --recording FILE     every answer of the kernel as well, .json or .json.gz
  --append OPTIONS     more for the kernel's command line, such as kvm-arm.mode=nested
  --name NAME          of the build; by default by release and CPU
  --seconds N          how long the boot may take (600)
  --force              replace existing files
`
/** What was asked for is not what can be done. */
export class Usage extends Error {}

export interface Wanted {
  readonly package: string
  readonly version: string | undefined
  readonly suites: readonly string[]
  readonly cpu: string
  readonly output: string
  readonly recording: string | undefined
  readonly append: string
  readonly name: string | undefined
  readonly seconds: number
  readonly cache: string
}

/** Throws Usage with what is wrong. */
export function parseRecordArguments(argv: readonly string[]): Wanted | 'help' {
  const options = {
    output: { type: 'string', short: 'o' },
    recording: { type: 'string' },
    append: { type: 'string', default: '' },
    name: { type: 'string' },
    seconds: { type: 'string', default: '600' },
    cache: { type: 'string', default: cacheFolder() },
    force: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const
  const { values, positionals } = asked(() => parseArgs({ args: [...argv], options, allowPositionals: true }))
  if (values.help) return 'help'
  const [kernel = '', suite, cpu = 'cortex-a72', ...more] = positionals
  const [name = '', version] = kernel.split('=')
  if (!/^linux-(image|binary)-[a-z0-9][a-z0-9.+~-]*$/.test(name))
    throw new Usage(kernel === '' ? 'no kernel package is named' : `${name} is no kernel package's name`)
  if (more.length > 0) throw new Usage(`too many words: ${more.join(' ')}`)
  if (suite !== undefined && !/^[a-z][a-z-]*$/.test(suite)) throw new Usage(`${suite} is no suite's name`)
  if (!/^[a-z][a-z0-9-]*$/.test(cpu)) throw new Usage(`${cpu} is no QEMU CPU's name`)
  if (values.output === undefined) throw new Usage('-o BUILD.json is missing')
  if (!/^[1-9]\d{0,4}$/.test(values.seconds)) throw new Usage(`--seconds ${values.seconds} is no number of seconds`)
  for (const file of [values.output, values.recording])
    if (file !== undefined && existsSync(file) && !values.force) throw new Usage(`${file} is there already: --force replaces it`)
  const suites = suite === undefined ? readPackages().kernels.map(row => row.suite) : [suite]
  const { output, recording, append, name: called, seconds, cache } = values
  return { package: name, version, suites, cpu, output, recording, append, name: called, seconds: Number(seconds), cache: resolve(cache) }
}

function asked<T>(ask: () => T): T {
  try {
    return ask()
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : String(error))
  }
}
