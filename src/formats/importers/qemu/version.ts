// Owns the guess which QEMU releases can have written a stream: it does not say, but formats changed. Every rule names its change.
// Source: facts/qemu-stream.md (measured on 5.2, 7.2, 10.0, 11.1; between them the conservative side is taken).
import type { QemuStream } from './stream.ts'

/** Releases up to the last one known, in order. */
const RELEASES = ['5.2', '6.0', '6.1', '6.2', '7.0', '7.1', '7.2', '8.0', '8.1', '8.2', '9.0', '9.1', '9.2', '10.0', '10.1', '10.2', '11.0', '11.1'] as const
export type Release = (typeof RELEASES)[number]

export interface VersionGuess {
  /** Oldest and newest release that fit; newer ones than the newest known may fit too. */
  readonly from: string
  readonly to: string
  readonly why: readonly string[]
}

const SWITCHOVER_START = 11

/** Releases that fit what the stream shows. */
export function guessVersion(stream: QemuStream): VersionGuess {
  let from = 0
  let to = RELEASES.length - 1
  const why: string[] = []
  const since = (release: Release, reason: string) => {
    const at = RELEASES.indexOf(release)
    if (at > from) from = at
    why.push(`${release} or later: ${reason}`)
  }
  const until = (release: Release, reason: string) => {
    const at = RELEASES.indexOf(release)
    if (at < to) to = at
    why.push(`${release} or earlier: ${reason}`)
  }

  const machine = /^virt-(\d+\.\d+)$/.exec(stream.configuration?.machine ?? '')?.[1] as Release | undefined
  if (machine && RELEASES.includes(machine) && machine !== RELEASES[0]) since(machine, `machine type virt-${machine}`)
  if (stream.commands.includes(SWITCHOVER_START)) since('10.0', 'command SWITCHOVER_START')
  if (stream.configuration?.capabilities.includes('mapped-ram')) since('9.0', 'capability mapped-ram')
  if (stream.ramFlags.multifdFlush) since('8.0', 'multifd flush records')
  if (stream.ramFlags.deflated) until('9.0', 'compressed pages')
  const parts = new Set(stream.sections.filter(section => section.name === 'cpu').flatMap(section => [...section.marks.keys()]))
  for (const [part, release] of PARTS) if (parts.has(part)) since(release, `subsection ${part}`)

  for (const [holds, what, release, reason] of DESCRIPTIONS) if (stream.vmdesc && holds(stream.vmdesc)) (what === 'since' ? since : until)(release, reason)
  return { from: RELEASES[from] ?? '', to: RELEASES[Math.max(from, to)] ?? '', why }
}

const PARTS: readonly (readonly [string, Release])[] = [
  ['cpu/sme', '7.1'],
  ['cpu/wfxt-timer', '9.0'],
  ['cpu/vfp/fpcr_fpsr', '9.1'],
  ['cpu/zt0', '11.0'],
  ['cpu/syndrome64', '11.0'],
  ['cpu/pstate64', '11.0'],
  ['cpu/event', '11.0'],
  ['cpu/fpmr', '11.0'],
]

type Described = NonNullable<QemuStream['vmdesc']>
const DESCRIPTIONS: readonly (readonly [(vmdesc: Described) => boolean, 'since' | 'until', Release, string])[] = [
  [({ hints }) => hints.registerCountType === 'int32', 'since', '11.0', 'the register count is a plain int32 in the description'],
  [({ hints }) => hints.registerCountType === 'int32 le', 'until', '10.2', 'the register count is limited in the description'],
  [({ hints }) => hints.runstateBytes === 32, 'since', '8.2', 'the run state is saved with vm_was_suspended'],
  [({ hints }) => hints.runstateBytes === 100, 'until', '8.2', 'the run state is saved without vm_was_suspended'],
  [({ hasConfiguration }) => hasConfiguration, 'since', '8.0', 'the configuration is described'],
  [({ hasConfiguration }) => !hasConfiguration, 'until', '9.1', 'the configuration is not described'],
  [({ hints }) => hints.hasCpuFeatures, 'until', '7.1', 'env.features is saved'],
]
