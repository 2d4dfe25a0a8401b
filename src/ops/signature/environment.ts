// Owns the environment of a guest: what it can tell of its machine and relies on when it wakes, as a value with one serialisation, and the signatures made
// from it. What is in it: components.ts (documented, versioned). Judges no difference: compare.ts does.
import { createHash } from 'node:crypto'
import { VENDOR_HYP_BMAP_2_ID } from '../../arch/smccc.ts'
import type { Build } from '../../builds/build.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { offeredWithoutBitmap, type ServiceKnowledge, serviceKnowledge } from '../source-services.ts'
import { bornGuest, type GuestShape } from './born-guest.ts'
import { COMPONENTS, ENVIRONMENT_VERSION } from './components.ts'
import { idRegistersPart, topologyPart } from './cpu-parts.ts'
import type { Component } from './fact.ts'
import { bitmapsPart, psciPart, servicesPart, workaroundsPart } from './firmware-parts.ts'
import { devicesPart, gicPart, memoryMapPart, type Tables, tablesPart } from './machine-parts.ts'

export interface Environment {
  readonly version: typeof ENVIRONMENT_VERSION
  /** In the order of COMPONENTS. A component that the source does not say is absent. */
  readonly components: readonly Component[]
}

export interface Signature {
  /** sha256 of the serialisation, hex. */
  readonly digest: string
  /** For the FACS: never 0, by which ACPI and Linux mean that there is none. */
  readonly hardwareSignature: number
}

export interface EnvironmentSources {
  /** Tables found in guest memory or carried by the VMM; without them the component is known only from what the snapshot keeps of its boot. */
  readonly tables?: Tables
  /** Whose rules say what a kernel without bitmaps offers; by default those of the built-in build that the snapshot names. */
  readonly build?: Build
}

/** What a snapshot says about the environment of its guest. Reads no memory. */
export function environmentOfSnapshot(snapshot: Snapshot, { tables = {}, build }: EnvironmentSources = {}): Environment {
  const named: ServiceKnowledge = build ? (register, bit) => offeredWithoutBitmap(build.firmware, register, bit) : serviceKnowledge(snapshot)
  // A kernel without VENDOR_HYP_BMAP_2 offers nothing of it, whichever it is.
  const offered: ServiceKnowledge = (register, bit) => named(register, bit) ?? (register === VENDOR_HYP_BMAP_2_ID ? false : undefined)
  const parts = [
    psciPart(snapshot),
    bitmapsPart(snapshot, offered),
    workaroundsPart(snapshot),
    servicesPart(snapshot, offered),
    idRegistersPart(snapshot),
    topologyPart(snapshot),
    memoryMapPart(snapshot),
    tablesPart(snapshot, tables),
    gicPart(snapshot),
    devicesPart(snapshot),
  ]
  const components = COMPONENTS.flatMap(({ name }) => parts.find(part => part?.name === name) ?? [])
  return { version: ENVIRONMENT_VERSION, components }
}

/** What a guest of this shape finds on a build at its first instruction, when its VMM writes nothing but the shape. Throws BUILD_UNUSABLE. */
export const environmentOfBuild = (build: Build, shape: GuestShape = {}): Environment => environmentOfSnapshot(bornGuest(build, shape), { build })

/**
 * One line `psci-snap environment VERSION`, then per component its name on a line and per fact two JSON strings, key and value, on a line that begins with
 * a blank; in the orders of the list and of keys, each line ended by a newline. What is not known has no line.
 */
export function serialise({ version, components }: Pick<Environment, 'version'> & { readonly components: readonly Component[] }): string {
  const lines = components.flatMap(({ name, facts }) => [name, ...facts.map(({ key, value }) => ` ${JSON.stringify(key)} ${JSON.stringify(value)}`)])
  return [`psci-snap environment ${version}`, ...lines, ''].join('\n')
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The hardware signature is the digest's first four bytes, the first one the most significant; while they are zero, the next four. */
export function signatureOf(environment: Environment): Signature {
  const digest = sha256(serialise(environment))
  let hardwareSignature = 1
  for (let at = 0; at < digest.length; at += 4) {
    const word = digest.readUInt32BE(at)
    if (word === 0) continue
    hardwareSignature = word
    break
  }
  return { digest: digest.toString('hex'), hardwareSignature }
}

/** sha256 of one component alone, serialised as an environment that has no other; hex. */
export const componentDigest = (component: Component): string => sha256(serialise({ version: ENVIRONMENT_VERSION, components: [component] })).toString('hex')
