// Owns the answers about what a guest calls: one function of PSCI or SMCCC, and the services behind the bits of the firmware bitmaps.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import { SYSTEM_EVENTS } from '../../arch/exits.ts'
import { PSCI_01_FUNCTIONS, PSCI_FUNCTIONS, PSCI_VERSIONS, type PsciFunction, parsePsciVersion } from '../../arch/psci.ts'
import { regIndex, showRegId } from '../../arch/reg-id.ts'
import { BITMAP_BITS, type BitmapBit, functionsGatedBy, SMCCC_FUNCTIONS, SMCCC_OWNERS, type SmcccFunction, smcccOwner } from '../../arch/smccc.ts'
import type { Build } from '../../builds/build.ts'
import { psciStepWords } from '../check/words/psci-words.ts'
import { offeredWithoutBitmap } from '../source-services.ts'
import type { CallAnswer, ServiceAnswer } from './explain-report.ts'
import { type KernelHosts, kernelsWhere } from './hosts.ts'
import { EVENT_FLAG_OF, EVENT_OF, GUEST_SIDE } from './psci-facts.ts'

const hex32 = (id: number): string => `0x${(id >>> 0).toString(16).padStart(8, '0')}`
const BITMAPS_SINCE = 'recordings: psci, fweffect'
const ownerTitle = (id: number): string => SMCCC_OWNERS.find(row => row.owner === smcccOwner(id))?.title ?? 'unknown'

/** A function of PSCI 0.2 and later. */
export function explainPsciFunction(row: PsciFunction, hosts: readonly KernelHosts[]): CallAnswer {
  const offered = row.offered === undefined ? undefined : PSCI_VERSIONS.indexOf(row.offered)
  const versions = offered === undefined ? [] : PSCI_VERSIONS.slice(offered).map(version => Number(parsePsciVersion(version)))
  const answers = ({ kernel, firmware }: Build) =>
    kernel.psci.accepted.some(version => versions.includes(version)) && (row.name !== 'SYSTEM_SUSPEND' || firmware.systemSuspend)
  const answeredOn = kernelsWhere(hosts, answers)
  return {
    kind: 'call',
    title: row.name,
    name: row.name,
    ids: [row.smc32, ...(row.smc64 === undefined ? [] : [row.smc64])].map(hex32),
    owner: ownerTitle(row.smc32),
    arguments: row.arguments,
    specified: row.specified,
    ...(row.offered === undefined ? {} : { offered: row.offered }),
    rule: [
      `${capital(row.meaning)}.`,
      row.offered === undefined
        ? 'KVM answers it with NOT_SUPPORTED (-1), in every PSCI version.'
        : `KVM answers it to a guest whose PSCI version is ${row.offered} or later${row.needs ? `, when ${row.needs}` : ''}; else NOT_SUPPORTED (-1).`,
      ...(row.features === undefined
        ? []
        : [`PSCI_FEATURES, from PSCI 1.0 on, then says ${row.features} of it${row.features ? ' (a mask of what it can do)' : ''}.`]),
    ],
    answeredOn,
    notAnsweredOn: rest(hosts, answeredOn),
    consequences: [...comesAs(row.name), ...lostAndFound(row)],
    advice: row.offered === undefined ? [] : [`whether a guest has it is a matter of its PSCI version: \`explain PSCI ${row.offered}\``],
    sources: ['Arm DEN0022; recordings: psci, event', GUEST_SIDE],
  }
}

/** The system event that a VMM gets of it. */
function comesAs(name: string): readonly string[] {
  const event =
    SYSTEM_EVENTS.find(({ flags }) => flags.some(flag => flag.name === EVENT_FLAG_OF[name])) ?? SYSTEM_EVENTS.find(each => each.name === EVENT_OF[name])
  if (!event) return []
  const flag = event.flags.find(each => each.name === EVENT_FLAG_OF[name])
  return [
    `it comes to the VMM as KVM_EXIT_SYSTEM_EVENT, type ${event.type} (${event.name})${flag ? `, with flag ${flag.name} (data[0] bit ${flag.bit}), from Linux ${flag.since} on` : ''}: ${event.meaning}`,
  ]
}

/** What happens to a guest when the function comes or goes under it. */
function lostAndFound({ name, offered }: PsciFunction): readonly string[] {
  const before = offered && PSCI_VERSIONS[PSCI_VERSIONS.indexOf(offered) - 1]
  if (!offered || !before || before === '0.1') return []
  return [...psciStepWords(offered, before), ...psciStepWords(before, offered)].map(({ message }) => message).filter(message => message.startsWith(`${name} `))
}

/** PSCI 0.1 has ids of KVM's own. */
export function explainOldFunction({ name, id, implemented }: (typeof PSCI_01_FUNCTIONS)[number], hosts: readonly KernelHosts[]): CallAnswer {
  const all = hosts.map(({ release }) => release)
  const newer = PSCI_FUNCTIONS.find(row => row.name === name)
  return {
    kind: 'call',
    title: `${name} of PSCI 0.1`,
    name,
    ids: [hex32(id)],
    owner: "KVM's own ids, PSCI 0.1",
    arguments: newer?.arguments ?? [],
    specified: '0.1',
    ...(implemented ? { offered: '0.1' } : {}),
    rule: [
      `${capital(newer?.meaning ?? name)}.`,
      implemented ? 'KVM answers it on a vCPU without the feature psci_0_2, and only there.' : 'KVM answers it with NOT_SUPPORTED (-1).',
    ],
    answeredOn: implemented ? all : [],
    notAnsweredOn: implemented ? [] : all,
    consequences: [],
    advice: [],
    sources: ['Linux arch/arm64/include/uapi/asm/kvm.h, KVM_PSCI_FN_BASE; recordings: psci, PSCI 0.1'],
  }
}

/** Any other call. */
export function explainCall(row: SmcccFunction, hosts: readonly KernelHosts[]): CallAnswer {
  const bit = row.gate && BITMAP_BITS.find(each => each.register === row.gate?.register && each.bit === row.gate.bit)
  const answeredOn = kernelsWhere(hosts, build => isAnswered(row, bit, build))
  return {
    kind: 'call',
    title: row.name,
    name: row.name,
    ids: [hex32(row.id)],
    owner: ownerTitle(row.id),
    arguments: row.arguments,
    ...(bit ? { gate: { register: registerName(bit.register), bit: bit.bit, service: bit.service } } : {}),
    rule: [
      `${capital(row.meaning)}.`,
      ...(bit
        ? [`Answered while bit ${bit.bit} (${bit.name}) of ${registerName(bit.register)} is set, where the kernel has that register; else NOT_SUPPORTED (-1).`]
        : []),
      ...(row.name.startsWith('SMCCC_ARCH_WORKAROUND')
        ? ['What SMCCC_ARCH_FEATURES says of it follows the level in the KVM_REG_ARM_SMCCC_ARCH_WORKAROUND register.']
        : []),
    ],
    answeredOn,
    notAnsweredOn: rest(hosts, answeredOn),
    consequences: [],
    advice: bit ? [`to keep it from a guest, write ${registerName(bit.register)} without that bit before the first KVM_RUN`] : [],
    sources: [BITMAPS_SINCE],
  }
}

export function explainService(bit: BitmapBit, hosts: readonly KernelHosts[]): ServiceAnswer {
  const name = registerName(bit.register)
  const since = registerRow(bit.register)?.since
  const registerOn = kernelsWhere(hosts, ({ kernel }) => kernel.bitmaps.some(({ index }) => index === regIndex(bit.register)))
  const offeredOn = kernelsWhere(hosts, build => isOffered(bit, build))
  const ungated = offeredOn.filter(kernel => !registerOn.includes(kernel))
  const without = rest(hosts, offeredOn)
  return {
    kind: 'service',
    title: `${bit.name}: ${bit.service}`,
    name: bit.name,
    register: { id: showRegId(bit.register), name },
    bit: bit.bit,
    default: bit.isDefault,
    calls: functionsGatedBy(bit.register, bit.bit).map(call => ({ name: call.name, id: hex32(call.id) })),
    rule: [
      `Bit ${bit.bit} of ${name} switches it; a new VM has it ${bit.isDefault ? 'on' : 'off'}.`,
      'The bit can be changed until the first KVM_RUN of any vCPU (EBUSY afterwards); without it every call of the service is answered with NOT_SUPPORTED (-1).',
    ],
    ...(since === undefined ? {} : { since: `Linux ${since} (the register)` }),
    offeredOn,
    registerOn,
    consequences: [
      ...(bit.isDefault && without.length > 0 && registerOn.length > 0
        ? [`a guest saved on ${without.join(', ')} gains it on a kernel that has the register: its file holds no bitmap, and the default is on`]
        : []),
      ...(ungated.length > 0 ? [`${ungated.join(', ')} offers it without the register: it cannot be switched off there`] : []),
    ],
    advice: bit.isDefault ? [`to keep it out of a guest that booted without it: write 0 to that bit of ${name} before the first KVM_RUN`] : [],
    sources: [BITMAPS_SINCE, 'Linux Documentation/virt/kvm/arm/fw-pseudo-registers.rst'],
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const rest = (hosts: readonly KernelHosts[], some: readonly string[]): readonly string[] =>
  hosts.map(({ release }) => release).filter(each => !some.includes(each))

/** Offered to a guest whose VMM writes no bitmap: by a kernel that has the register its default decides, else the kernel alone. */
function isOffered(bit: BitmapBit, { kernel, firmware }: Build): boolean {
  const bitmap = kernel.bitmaps.find(({ index }) => index === regIndex(bit.register))
  if (bitmap && ((bitmap.initial >> BigInt(bit.bit)) & 1n) === 0n) return false
  return offeredWithoutBitmap(firmware, bit.register, bit.bit) === true
}

function isAnswered(row: SmcccFunction, bit: BitmapBit | undefined, build: Build): boolean {
  if (bit) return isOffered(bit, build)
  // Protected guests only; SOC_ID is refused by every recorded kernel.
  if (row.name.startsWith('PKVM_') || row.name === 'SMCCC_ARCH_SOC_ID') return false
  return row.name.startsWith('SMCCC_ARCH_WORKAROUND') ? build.firmware.workaroundCalls : true
}

/** The rows that a number or a name means; PSCI's own first. */
export function callsNamed(text: string): {
  readonly psci: readonly PsciFunction[]
  readonly old: readonly (typeof PSCI_01_FUNCTIONS)[number][]
  readonly other: readonly SmcccFunction[]
} {
  const id = /^0x[0-9a-f]{8}$/i.test(text) ? Number(text) : undefined
  const name = text.toUpperCase().replace(/ *\(SMC(32|64)\)$/, '')
  return {
    psci: PSCI_FUNCTIONS.filter(row => (id === undefined ? row.name === name : row.smc32 === id || row.smc64 === id)),
    old: PSCI_01_FUNCTIONS.filter(row => row.id === id),
    other: SMCCC_FUNCTIONS.filter(row =>
      id === undefined ? row.name === name || row.name === `SMCCC_${name}` || row.name === `SMCCC_ARCH_${name}` : row.id === id,
    ),
  }
}

/** Bits whose name, or whose first word, is this; `TRNG`, `TRNG_V1_0`, `PV_TIME`, `stolen time`. */
export function servicesNamed(text: string): readonly BitmapBit[] {
  const name = text.toUpperCase()
  return BITMAP_BITS.filter(bit => bit.name === name || bit.name.startsWith(`${name}_`) || bit.service.toUpperCase() === name)
}
