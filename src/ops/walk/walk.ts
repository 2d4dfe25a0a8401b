// Owns `inspect --walk`: one address of a vCPU, through its page tables, level by level, to memory or to the fault. Judges nothing.
import { findRegister } from '../../arch/catalogue/parse.ts'
import { regBytes } from '../../arch/reg-id.ts'
import type { AccessRights } from '../../arch/translation/permissions.ts'
import { halfOf, type Translation, type TranslationFault, type WalkStep } from '../../arch/translation/walk.ts'
import { SnapError } from '../../errors.ts'
import { regionAt } from '../../model/read-memory.ts'
import { registerValue } from '../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../model/snapshot.ts'
import { descriptorWords, memoryType, shareabilityName } from './descriptor-words.ts'
import { type GuestTranslation, guestTranslation, type Unreadable } from './guest-translation.ts'
import type { WalkReport } from './walk-report.ts'

export interface WalkWanted {
  /** An address, or the register that holds it. */
  readonly address: bigint | { readonly register: bigint; readonly name: string }
  /** Index; absent: the first that is asked about. */
  readonly vcpu?: number
}

const NUMBER = /^(0x[0-9a-f]{1,16}|[0-9]{1,20})$/i

/** `0xffff800080012345`, `pc`, `ELR_EL1,1`. Throws USAGE. */
export function parseWalk(text: string): WalkWanted {
  const [word = '', vcpu, ...more] = text.split(',').map(part => part.trim())
  const wrong = (why: string): SnapError =>
    new SnapError('USAGE', `--walk ${text.slice(0, 60)}: ${why}`, {}, { hint: 'for example --walk 0xffff800080000000, --walk pc or --walk vbar_el1,1' })
  if (more.length > 0 || (vcpu !== undefined && !/^[0-9]{1,4}$/.test(vcpu))) throw wrong('an address and, after a comma, a vCPU are wanted')
  const on = vcpu === undefined ? {} : { vcpu: Number(vcpu) }
  if (NUMBER.test(word)) {
    const address = BigInt(word)
    if (address >> 64n !== 0n) throw wrong('an address has 64 bits')
    return { address, ...on }
  }
  const register = findRegister(word)
  if (register === undefined || regBytes(register) !== 8) throw wrong('that is neither an address nor a register that holds one')
  return { address: { register, name: word.toUpperCase() }, ...on }
}

/** Throws USAGE for a vCPU that is not there, and REGISTER_ABSENT. */
export async function walkAddress(snapshot: Snapshot, wanted: WalkWanted, first: number | undefined, signal?: AbortSignal): Promise<WalkReport> {
  const index = wanted.vcpu ?? first ?? snapshot.vcpus[0]?.index
  const vcpu = snapshot.vcpus.find(each => each.index === index)
  if (!vcpu)
    throw new SnapError(
      'USAGE',
      index === undefined ? 'the file has no vCPU whose page tables could be walked' : `there is no vCPU ${index} to walk for`,
      index === undefined ? {} : { vcpu: index },
      { hint: `it has ${snapshot.vcpus.map(each => each.index).join(' ') || 'none'}` },
    )
  const address = addressOf(wanted, vcpu)
  const guest = guestTranslation(vcpu, snapshot.memory, signal)
  const head = {
    vcpu: vcpu.index,
    address: hex(address),
    ...(typeof wanted.address === 'bigint' ? {} : { register: wanted.address.name }),
  }
  if (typeof guest === 'string') return { ...head, unreadable: UNREADABLE[guest] }
  return { ...head, ...(await walked(guest, address, snapshot.memory)) }
}

export const UNREADABLE: Readonly<Record<Unreadable, string>> = {
  aarch32: 'the vCPU is in AArch32, whose code and tables are not read',
  'above-el1': 'the vCPU is above EL1, and its tables there are not read',
  'no-registers': 'the file does not hold the registers that say where the tables are',
}

function addressOf({ address }: WalkWanted, { index, registers }: VcpuSnapshot): bigint {
  if (typeof address === 'bigint') return address
  const value = registerValue(registers, address.register)
  if (value === undefined) throw new SnapError('REGISTER_ABSENT', `vCPU ${index} has no ${address.name}`, { vcpu: index })
  return value
}

const READ: AccessRights = { kind: 'read', privileged: true, pan: false }

async function walked(guest: GuestTranslation, address: bigint, memory: Snapshot['memory']): Promise<Omit<WalkReport, 'vcpu' | 'address'>> {
  const { regime } = guest
  const half = halfOf(regime, address)
  const translation = await guest.translate(address, READ)
  const { steps, mapping, fault } = translation
  const tables = regime.enabled
    ? {
        tables: {
          register: (address >> 55n) & 1n ? ('TTBR1_EL1' as const) : ('TTBR0_EL1' as const),
          base: hex(half.base),
          granule: 2 ** half.granuleBits,
          bits: half.inputBits,
          asid: regime.asid,
        },
      }
    : {}
  return {
    mmu: regime.enabled,
    ...tables,
    levels: steps.map(step => levelOf(guest, address, step)),
    ...(mapping
      ? {
          mapping: {
            address: hex(mapping.address),
            ...(regionAt(memory, mapping.address) ? { region: regionAt(memory, mapping.address)!.name } : {}),
            size: 2 ** mapping.sizeBits,
            memory: memoryType(mapping.attributes),
            shareability: shareabilityName(mapping.shareability),
            global: mapping.global,
            access: { el1: await accessOf(guest, address, true), el0: await accessOf(guest, address, false) },
          },
        }
      : {}),
    ...(fault
      ? {
          fault: {
            kind: fault.kind,
            level: fault.level,
            status: `0x${fault.status.toString(16)}`,
            why: faultWords(regime.enabled, translation, fault, half.startLevel),
          },
        }
      : {}),
  }
}

function levelOf({ regime }: GuestTranslation, address: bigint, step: WalkStep): NonNullable<WalkReport['levels']>[number] {
  const half = halfOf(regime, address)
  const bits = BigInt(half.startShift - (step.level - half.startLevel) * half.stride)
  const isFirst = step.level === half.startLevel
  const width = BigInt(isFirst ? half.inputBits : Number(bits) + half.stride) - bits
  const index = (address >> bits) & ((1n << width) - 1n)
  const { output, words } = descriptorWords(regime, address, step)
  return {
    level: step.level,
    table: hex(step.descriptorAddress - 8n * index),
    index: Number(index),
    descriptorAddress: hex(step.descriptorAddress),
    descriptor: hex(step.descriptor),
    kind: step.kind,
    ...(output === undefined ? {} : { output: hex(output) }),
    says: words,
  }
}

/** `rwx` as an access of that exception level would find it, without PSTATE.PAN. */
async function accessOf(guest: GuestTranslation, address: bigint, privileged: boolean): Promise<string> {
  let text = ''
  for (const [kind, letter] of [
    ['read', 'r'],
    ['write', 'w'],
    ['fetch', 'x'],
  ] as const)
    text += (await guest.translate(address, { kind, privileged, pan: false })).mapping ? letter : '-'
  return text
}

function faultWords(isTranslated: boolean, { steps }: Translation, { kind, level }: TranslationFault, startLevel: number): string {
  switch (kind) {
    case 'translation':
      return steps.length === 0 ? 'the address is outside what the tables cover, or the table register is switched off' : `level ${level} maps nothing here`
    case 'address-size':
      return isTranslated ? 'an address on the way is larger than TCR_EL1.IPS or the CPU allows' : 'no physical address of this CPU is that large'
    case 'access-flag':
      return `the access flag of the level ${level} descriptor is clear`
    case 'permission':
      return 'no access is allowed'
    case 'external':
      return `the ${level === startLevel ? 'first table' : `table of level ${level}`} is not in the memory of the file`
    default:
      return kind satisfies never
  }
}

const hex = (value: bigint): string => `0x${value.toString(16)}`
