// Owns `signature`: the environment of a file, a build or this host, and what differs between two. Prints nothing.
import type { Feature } from '../../arch/features.ts'
import type { Build } from '../../builds/build.ts'
import { findBuild } from '../../builds/load.ts'
import { SnapError } from '../../errors.ts'
import type { Gic, Snapshot } from '../../model/snapshot.ts'
import { type OpenHost, openThisHost } from '../backend-choice.ts'
import { THIS_HOST } from '../check/check-target.ts'
import { type InputOptions, withInput } from '../input.ts'
import { resolveBuild } from '../target.ts'
import { bornGuest, type GuestShape } from './born-guest.ts'
import { compareEnvironments } from './compare.ts'
import { COMPONENTS } from './components.ts'
import { featuresOfGuest } from './cpu-parts.ts'
import { componentDigest, type Environment, environmentOfBuild, environmentOfSnapshot, signatureOf } from './environment.ts'
import { findTables } from './find-tables.ts'
import { shapeOf } from './pin.ts'
import type { SignatureComparison, SignatureReport, SignedSource } from './signature-report.ts'

export interface SignatureOptions extends InputOptions {
  /** Of guests that are made on a build or on this host; by default what the other source has. */
  readonly features?: readonly Feature[]
  readonly vcpus?: number
  readonly gic?: Gic
  readonly openHost?: OpenHost
}

/** Throws BUILD_UNKNOWN, BACKEND_ABSENT, BUILD_UNUSABLE and what reading a file throws. */
export async function signature(source: string, options: SignatureOptions): Promise<SignatureReport> {
  const found = await find(source, options)
  return report(found.source, await found.environment({}))
}

/** `a` is where the guest hibernated, `b` where it resumes. Throws the same, and USAGE for standard input twice. */
export async function compareSignatures(a: string, b: string, options: SignatureOptions): Promise<SignatureComparison> {
  if (a === '-' && b === '-') throw new SnapError('USAGE', 'only one of the two can be standard input')
  const found = [await find(a, options), await find(b, options)] as const
  // A new guest is compared with a saved one of the same shape: as the same VMM would make it there.
  const shape = found.find(({ shape }) => shape)?.shape ?? {}
  const [first, second] = [await found[0].environment(shape), await found[1].environment(shape)]
  const differences = compareEnvironments(first, second)
  return {
    equal: differences.every(({ kind }) => kind !== 'different'),
    complete: differences.every(({ notKnown }) => notKnown.length === 0),
    a: report(found[0].source, first),
    b: report(found[1].source, second),
    differences: differences.map(({ facts, ...rest }) => ({ ...rest, facts: facts.map(({ id: _, ...fact }) => fact) })),
  }
}

interface Found {
  readonly source: SignedSource
  /** Of a file: what its VMM chose. */
  readonly shape?: GuestShape
  /** Of a new guest of this shape; of a file what it says. */
  environment(shape: GuestShape): Promise<Environment>
}

async function find(name: string, options: SignatureOptions): Promise<Found> {
  if (name === THIS_HOST) return ofHost(options)
  const built = findBuild(name)
  if (built) return ofBuild(built, options)
  try {
    return await withInput(name, options, async ({ snapshot, format }) => ofSnapshot(name, format.id, snapshot, await findTables(snapshot, options)))
  } catch (error) {
    if (name === '-' || !(error instanceof SnapError && (error.code === 'FORMAT_UNKNOWN' || error.code === 'CANNOT_READ'))) throw error
    return ofBuild(await buildOr(error, name), options)
  }
}

/** A build file, where the input is no snapshot. What is neither is said as what it is nearer to. */
async function buildOr(reading: SnapError, name: string): Promise<Build> {
  try {
    return await resolveBuild(name)
  } catch (error) {
    throw reading.code === 'FORMAT_UNKNOWN' && error instanceof SnapError && error.code === 'BUILD_INVALID' && !/\.json(\.|$)/.test(name) ? reading : error
  }
}

function ofSnapshot(name: string, format: string, snapshot: Snapshot, tables: Awaited<ReturnType<typeof findTables>>): Found {
  const { build } = snapshot.origin
  const environment = environmentOfSnapshot(snapshot, { tables })
  return {
    source: { kind: 'file', name, format, stop: snapshot.stop, ...(build === undefined ? {} : { build }) },
    ...(snapshot.vcpus.length === 0 ? {} : { shape: shapeOf(snapshot, featuresOfGuest(snapshot)) }),
    environment: async () => environment,
  }
}

/** What the user says counts more than what the other source has. */
const shaped = (shape: GuestShape, { features, vcpus, gic }: SignatureOptions): GuestShape => ({
  ...shape,
  ...(features ? { features } : {}),
  ...(vcpus === undefined ? {} : { vcpus }),
  ...(gic === undefined ? {} : { gic }),
})

const ofBuild = (build: Build, options: SignatureOptions): Found => ({
  source: { kind: 'build', name: build.name, build: build.name },
  environment: async shape => environmentOfBuild(build, shaped(shape, options)),
})

/** The host is open only while it is asked. */
function ofHost({ openHost = openThisHost, ...options }: SignatureOptions): Found {
  return {
    source: { kind: 'host', name: THIS_HOST },
    async environment(shape) {
      const { liveTarget } = await import('../check/live-target.ts')
      const host = await openHost()
      try {
        const target = liveTarget(host)
        return environmentOfSnapshot(bornGuest(target, shaped(shape, options)))
      } finally {
        host.close()
      }
    },
  }
}

function report(source: SignedSource, environment: Environment): SignatureReport {
  const { digest, hardwareSignature } = signatureOf(environment)
  return {
    source,
    version: environment.version,
    digest,
    hardwareSignature: `0x${hardwareSignature.toString(16).padStart(8, '0')}`,
    components: environment.components.map(each => ({
      name: each.name,
      digest: componentDigest(each),
      words: each.words,
      facts: each.facts.map(({ key, value }) => ({ key, value })),
      notKnown: each.notKnown,
    })),
    absent: COMPONENTS.map(({ name }) => name).filter(name => !environment.components.some(each => each.name === name)),
  }
}
