// Owns a state file as a whole: header, state, devices as bytes, checksum; and which layout it has when its version does not say. Judges no guest.
import { type RegId, regBytes } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import { decodeBincode, encodeBincode } from './bincode.ts'
import { decodeBitcode, encodeBitcode } from './bitcode.ts'
import { crc64, crc64Bytes } from './crc64.ts'
import { NOT_KNOWN, readHeader, type VersionedHeader } from './header.ts'
import { Input } from './input.ts'
import { layoutShape } from './layouts.ts'
import { FIRECRACKER_LIMITS } from './limits.ts'
import { RELEASES, type Release } from './releases.ts'
import { isVector, type MicrovmState } from './state.ts'

export interface Vmstate {
  readonly header: VersionedHeader
  readonly release: Release
  /** Layouts that the version stands for, when they are several; this one was found by trial, or named by the user. */
  readonly rivals: readonly Release[]
  readonly state: MicrovmState
  /** Magic and version. */
  readonly head: Uint8Array
  /** The devices, which we do not read: from the end of the vCPUs to the checksum. */
  readonly devices: Uint8Array
  /** Where `devices` begins in the file. */
  readonly devicesOffset: number
}

const CRC_BYTES = 8

/**
 * Reads a state file. Throws FORMAT_TOO_NEW for a version that is not known, FORMAT_FOREIGN for x86_64, INPUT_CORRUPT with the offset for a file
 * that is damaged, FORMAT_AMBIGUOUS when its version stands for several layouts and more than one fits, USAGE when `vmmVersion` is none of them.
 */
export function readVmstate(bytes: Uint8Array, file: string, vmmVersion?: string): Vmstate {
  const header = readHeader(bytes, file)
  const known = RELEASES.filter(release => release.encoding === header.encoding && release.version === header.version)
  if (known.length === 0) throw unknownVersion(header, bytes, file)
  checkCrc(bytes, file)
  const candidates = vmmVersion === undefined ? known : writtenBy(known, vmmVersion, header, file)
  const fitting: Vmstate[] = []
  const misfits: SnapError[] = []
  for (const release of candidates) {
    try {
      const read = readAs(release, header, bytes, file)
      fitting.push({ ...read, rivals: known.filter(each => each !== release) })
    } catch (error) {
      if (!(error instanceof SnapError)) throw error
      misfits.push(error)
    }
  }
  // Registers alone cannot tell every pair of layouts apart; that each vCPU has its part of the interrupt controller is what a real file shows too.
  const whole = fitting.length > 1 ? fitting.filter(({ state }) => state.vm.gic.vcpus.length === state.vcpus.length) : fitting
  const [only, rival] = whole.length > 0 ? whole : fitting
  if (only && rival)
    throw new SnapError(
      'FORMAT_AMBIGUOUS',
      `${file}: snapshot version ${header.version} is written by ${nameOf(only.release)} and by ${nameOf(rival.release)} in different layouts, and this file fits both`,
      { file, offset: 0 },
    )
  if (only) return only
  const [first, ...others] = misfits
  if (others.length === 0) throw first
  const reasons = candidates.map((release, i) => `as ${nameOf(release)}: ${misfits[i]?.message.replace(`${file}: `, '')}`)
  throw new SnapError('INPUT_CORRUPT', `${file} fits no layout of snapshot version ${header.version} (${reasons.join('; ')})`, first?.at ?? { file })
}

/** `Firecracker v1.13` for a row of the table. */
export function nameOf({ releases }: Release): string {
  const [first = '', ...rest] = releases
  const last = rest.at(-1)
  return `Firecracker ${[first, ...(last === undefined ? [] : [last])].map(each => (/^\d/.test(each) ? `v${each}` : each)).join(rest.length > 1 ? ' to ' : ' or ')}`
}

/** The file with other vCPUs; everything else byte for byte, the checksum anew. */
export function encodeVmstate(vmstate: Vmstate, vcpus: MicrovmState['vcpus'] = vmstate.state.vcpus): Uint8Array {
  const shape = layoutShape(vmstate.release.traits)
  const state = { ...vmstate.state, vcpus }
  const body = vmstate.header.encoding === 'bitcode' ? encodeBitcode(shape, state) : encodeBincode(shape, state)
  const content = Buffer.concat([vmstate.head, body, vmstate.devices])
  return Buffer.concat([content, crc64Bytes(content)])
}

function readAs(release: Release, header: VersionedHeader, bytes: Uint8Array, file: string): Omit<Vmstate, 'rivals'> {
  const content = bytes.subarray(0, bytes.length - CRC_BYTES)
  const input = new Input(content, file, header.bodyOffset)
  const shape = layoutShape(release.traits)
  const state = header.encoding === 'bitcode' ? decodeBitcode(shape, input, 'the state') : decodeBincode(shape, input, 'the state')
  checkRegisters(state, file, input.offset)
  return { header, release, state, head: content.slice(0, header.bodyOffset), devices: content.slice(input.offset), devicesOffset: input.offset }
}

/** Ids of arm64 registers only (of groups that no kernel has yet, too), and values exactly as long as their ids say: what Firecracker's own loader checks. */
function checkRegisters({ vcpus }: MicrovmState, file: string, offset: number): void {
  if (vcpus.length > FIRECRACKER_LIMITS.vcpus)
    throw new SnapError('LIMIT_EXCEEDED', `${file} has ${vcpus.length} vCPUs; at most ${FIRECRACKER_LIMITS.vcpus} are read`, { file, offset })
  vcpus.forEach(({ regs }, vcpu) => {
    const wrong = (what: string): SnapError => new SnapError('INPUT_CORRUPT', `${file}: vCPU ${vcpu} ${what}`, { file, offset, vcpu })
    const ids = isVector(regs) ? regs.ids : regs.map(({ id }) => id)
    let sum = 0
    for (const id of ids) {
      const size = regBytes(id as RegId)
      if (id >> 56n !== 0x60n || size > MOST_BYTES)
        throw wrong(`has a register 0x${id.toString(16).padStart(16, '0')}, which is no arm64 id of at most ${MOST_BYTES} bytes`)
      if (!isVector(regs) && size > SLOT_BYTES) throw wrong(`has a register of ${size} bytes in a slot of ${SLOT_BYTES}`)
      sum += size
    }
    if (isVector(regs) && sum !== regs.data.length) throw wrong(`has ids for ${sum} bytes of values, and ${regs.data.length} bytes`)
  })
}

/** Whether these registers could have one with this id, as the loader above checks them. */
export const holdsRegister = (regs: MicrovmState['vcpus'][number]['regs'], id: RegId): boolean =>
  id >> 56n === 0x60n && regBytes(id) <= (isVector(regs) ? MOST_BYTES : SLOT_BYTES)

/** Firecracker refuses wider ones. */
export const MOST_BYTES = 256
const SLOT_BYTES = 16

function checkCrc(bytes: Uint8Array, file: string): void {
  const at = bytes.length - CRC_BYTES
  const damaged = (what: string): SnapError => new SnapError('INPUT_CORRUPT', `${file}: ${what}`, { file, offset: Math.max(0, at) })
  if (at < 0) throw damaged('it ends before its checksum')
  const stored = new DataView(bytes.buffer, bytes.byteOffset + at, CRC_BYTES).getBigUint64(0, true)
  const real = crc64(bytes.subarray(0, at))
  const show = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`
  if (stored !== real) throw damaged(`its checksum is ${show(stored)}, its content has ${show(real)}: the file is damaged or cut short`)
}

function unknownVersion({ version, encoding }: VersionedHeader, bytes: Uint8Array, file: string): SnapError {
  const mine = RELEASES.filter(release => (release.encoding === 'versionize') === (encoding === 'versionize'))
  const what = encoding === 'versionize' ? 'data version' : 'snapshot version'
  const at = { file, offset: encoding === 'bitcode' ? 9 : 8 }
  if (encoding === 'versionize' && Number(version) < Number(mine[0]?.version))
    return new SnapError('FORMAT_FOREIGN', `${file} has Firecracker ${what} ${version}, of a release before v1.0, the first whose layout is known`, at)
  const known = [...new Set(mine.map(release => release.version))].join(', ')
  const reported = REPORTED[version] === undefined ? '' : ` (${REPORTED[version]})`
  let damaged = ''
  try {
    checkCrc(bytes, file)
  } catch {
    damaged = '. Its checksum is wrong as well, so it may be damaged rather than new'
  }
  return new SnapError(
    'FORMAT_TOO_NEW',
    `${file} has Firecracker ${what} ${version}${reported} in ${encoding}, whose layout is not known; known are ${known}${damaged}`,
    at,
    NOT_KNOWN,
  )
}

/** Versions that others have seen, in layouts that we have not. Source: facts/vmm-formats.md, head. */
const REPORTED: Readonly<Record<string, string>> = { '12.0.0': 'said to be of Firecracker v1.17.0' }

/** The layouts of the release that the user names, `1.13` or `v1.13.1`. */
function writtenBy(known: readonly Release[], vmmVersion: string, { version }: VersionedHeader, file: string): readonly Release[] {
  const wanted = vmmVersion.replace(/^v/, '')
  const fit = known.filter(({ releases }) => releases.some(each => each === wanted || each.startsWith(`${wanted}.`)))
  if (fit.length > 0) return fit
  const names = known.map(nameOf).join(' and by ')
  throw new SnapError('USAGE', `${file} has Firecracker snapshot version ${version}, which is written by ${names}, not by v${wanted}`, { file })
}
