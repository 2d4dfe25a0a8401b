// Owns asking the guest itself what it sees after a replay: by the built-in guest's own report, or, where a file has no memory that runs, by a few
// instructions in a clone of the replayed VM. Says what the guest's code found; verdict.ts says what that means.
import { registerName } from '../arch/catalogue/catalogue.ts'
import type { Feature } from '../arch/features.ts'
import { PC_ID, PSTATE_ID, sysRegId } from '../arch/reg-id.ts'
import type { BackendVcpu, BackendVm } from '../backends/backend.ts'
import { GUEST_LAYOUT } from '../emulator/board/guest/layout.ts'
import { payload, payloadAnswers } from '../emulator/board/guest/payload.ts'
import { decodeGuestReport, type GuestReport, observedPsci, psciVersionText } from '../emulator/board/guest-report.ts'
import { callName } from '../emulator/board/observation.ts'
import type { Finding } from '../model/finding.ts'
import type { LiveVm, PerUnit } from './live/live-host.ts'
import { getU64, setU64 } from './one-register.ts'
import { showNames } from './show-value.ts'
import type { Work } from './work.ts'

export interface Observation {
  readonly psci: string | null
  readonly via: 'guest' | 'payload' | null
  readonly findings: readonly Finding[]
}

const PSCI_VERSION_CALL = 0x8400_0000
/** What the built-in guest gets, for each vCPU, to ask everything once more; a round takes some ten thousand instructions a vCPU. */
const ROUND_SHARE: PerUnit = { instructions: 50_000_000, milliseconds: 5_000 }
/** Between two looks at its report. */
const ROUND_SLICE: PerUnit = { instructions: 1_000_000, milliseconds: 100 }
/** One go at the payload, which never leaves the VM by itself, and how many there are. */
const PAYLOAD_SLICE = { budget: 10_000, milliseconds: 5 } as const
const PAYLOAD_SLICES = 200
/** Where the clone's payload lies: the usual start of guest memory, one page of whatever size a host has. */
const PAYLOAD_ADDRESS = 0x4000_0000n
export const PAYLOAD_MEMORY = [{ start: PAYLOAD_ADDRESS, size: 1 << 16 }] as const

const SCTLR_EL1 = sysRegId(3, 0, 1, 0, 0)
/** EL1h with all interrupts masked, as after KVM_ARM_VCPU_INIT. */
const PSTATE_RESET = 0x3c5n
/** SCTLR_EL1 as KVM resets it: MMU and caches off (facts: reset values). */
const SCTLR_RESET = 0xc5_0078n

export const readGuestReport = async (vm: BackendVm): Promise<GuestReport | undefined> =>
  decodeGuestReport(await vm.readMemory(GUEST_LAYOUT.report, GUEST_LAYOUT.reportBytes))

/**
 * Lets the built-in guest run on until it has asked everything once more since the restore, and reads its report. Undefined when the memory holds
 * no such guest, or it does not run (stopped, or it ends before the round does).
 */
export async function observeGuest(vm: LiveVm, work: Work): Promise<Observation | undefined> {
  const before = await readGuestReport(vm)
  if (!before) return undefined
  // The round that was under way holds answers from before the restore: only the one after it is all new.
  const enough = before.generation + 2n
  const { unit } = vm
  const limit = vm.spent + ROUND_SHARE[unit] * Math.max(1, before.vcpus.length)
  for (let report: GuestReport | undefined = before; report; report = await readGuestReport(vm)) {
    if (report.generation >= enough) return { psci: observedPsci(report)?.now ?? null, via: 'guest', findings: guestFindings(report) }
    const left = limit - vm.spent
    if (left <= 0) return undefined
    work.progress?.({ label: 'the guest runs on', done: vm.spent, unit })
    const stop = await vm.runFor(Math.min(left, ROUND_SLICE[unit]), work.signal)
    if (stop.kind !== 'over') return undefined
  }
  return undefined
}

/** What the guest's own comparison with its boot says: calls by their usual conduit are changes, by the other one information. */
function guestFindings(report: GuestReport): readonly Finding[] {
  const different = report.questions.filter(question => question.differs)
  const names = (conduit: 'hvc' | 'smc') => [
    ...new Set(different.filter(question => question.conduit === conduit).map(({ functionId, argument }) => callName(functionId, argument))),
  ]
  const registers = report.registers
    .filter(register => register.differs)
    .map(({ encoding }) => registerName(sysRegId(encoding >> 14, (encoding >> 11) & 7, (encoding >> 7) & 15, (encoding >> 3) & 15, encoding & 7)))
  const finding = (severity: Finding['severity'], code: string, what: string, list: readonly string[]): readonly Finding[] =>
    list.length === 0 ? [] : [{ severity, code, message: `${what}: ${showNames(list)}` }]
  return [
    ...finding('warning', 'guest-observed-change', "the guest's own code gets other answers than at boot", names('hvc')),
    ...finding('warning', 'guest-observed-change', "the guest's own code reads other values than at boot", registers),
    ...finding('info', 'other-conduit', 'by SMC, which its device tree does not name, the guest gets other answers than at boot', names('smc')),
  ]
}

/** Asks PSCI_VERSION from a few instructions in `vm`, a replayed clone with PAYLOAD_MEMORY and nothing to lose. Undefined when the vCPU cannot run it. */
export async function observeByPayload(vm: BackendVm, vcpu: BackendVcpu, features: readonly Feature[], work: Work): Promise<Observation | undefined> {
  if (features.includes('el1_32bit') || features.includes('has_el2')) return undefined
  const asked = await payload([{ functionId: PSCI_VERSION_CALL }])
  await vm.writeMemory(PAYLOAD_ADDRESS, asked.image)
  await vcpu.setMpState('runnable')
  await setU64(vcpu, SCTLR_EL1, SCTLR_RESET)
  await setU64(vcpu, PSTATE_ID, PSTATE_RESET)
  await setU64(vcpu, PC_ID, PAYLOAD_ADDRESS)
  const done = PAYLOAD_ADDRESS + BigInt(asked.done)
  for (let n = 0; n < PAYLOAD_SLICES && (await getU64(vcpu, PC_ID)) !== done; n++) {
    const { kind } = await vcpu.run({ ...PAYLOAD_SLICE, ...(work.signal ? { signal: work.signal } : {}) })
    if (kind !== 'budget') return undefined
  }
  if ((await getU64(vcpu, PC_ID)) !== done) return undefined
  const [answer] = payloadAnswers(asked, await vm.readMemory(PAYLOAD_ADDRESS, asked.image.length))
  const version = answer?.results[0]
  if (version === undefined) return undefined
  return { psci: psciVersionText(version), via: 'payload', findings: [] }
}
