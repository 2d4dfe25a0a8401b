// Owns the whole history of the schema, one expression per kind of member. To add version 2: write v2.ts, add `.next(v2.parseX, v2.xFromV1)` to
// each line, and make `encode` v2's. The version that a file has is in its manifest.
import { chain } from './chain.ts'
import * as v1 from './v1.ts'

export const vmSchema = chain(v1.parseVm)
export const vcpuSchema = chain(v1.parseVcpu)
export const deviceSchema = chain(v1.parseDevice)
export const machineSchema = chain(v1.parseMachine)
export const foreignSchema = chain(v1.parseForeign)

/** What this release writes, and the newest it reads. */
export const SCHEMA_VERSION = vmSchema.version
export const encode = { vm: v1.encodeVm, vcpu: v1.encodeVcpu, device: v1.encodeDevice, machine: v1.encodeMachine, foreign: v1.encodeForeign } as const
