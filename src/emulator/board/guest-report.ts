// Owns the reading of what the probe guest wrote to its memory: its questions, the answers at boot and now, and what differs.
// Guest memory is a stranger's: counts are bounded before they are used. Knows the layout, not what a function or a register means.
import { showPsciVersion } from '../../arch/psci.ts'
import { GUEST_LAYOUT, QUESTION_PRESENCE, QUESTION_ROW, QUESTION_SMC, REGISTER_ROW, REPORT, UNREADABLE, VCPU_ROW } from './guest/layout.ts'

export interface GuestQuestion {
  readonly functionId: number
  /** X1 of the call. */
  readonly argument: number
  readonly conduit: 'hvc' | 'smc'
  /** Only whether it was supported is compared: the answer itself changes with time. */
  readonly presenceOnly: boolean
  /** X0 … X3. */
  readonly boot: readonly bigint[]
  readonly now: readonly bigint[]
  readonly differs: boolean
}
export interface GuestRegister {
  /** op0 … op2 as in an ONE_REG id. */
  readonly encoding: number
  /** Undefined when reading it was UNDEFINED. */
  readonly boot: bigint | undefined
  readonly now: bigint | undefined
  readonly differs: boolean
}
export interface GuestVcpu {
  readonly index: number
  /** Times it asked for PSCI_VERSION. */
  readonly rounds: bigint
  readonly psciAtBoot: bigint
  readonly psci: bigint
  readonly mpidr: bigint
}
export interface GuestReport {
  /** Complete rounds of questions; answers of a round that is under way may already stand in `now`. */
  readonly generation: bigint
  readonly questions: readonly GuestQuestion[]
  readonly registers: readonly GuestRegister[]
  readonly vcpus: readonly GuestVcpu[]
  /** What the guest itself counted in its last complete round. */
  readonly differences: bigint
  readonly exceptions: { readonly count: bigint; readonly esr: bigint; readonly elr: bigint; readonly far: bigint }
  readonly boots: bigint
  readonly resumes: bigint
  /** The call that was to end the guest: made, and what X0 was when it came back all the same. */
  readonly action: { readonly called: boolean; readonly returned?: bigint }
}

const NOT_SUPPORTED = 0xffff_ffff_ffff_ffffn
const PSCI_VERSION = 0x8400_0000
const MAX_QUESTIONS = Math.floor((REPORT.registerRows - REPORT.questionRows) / QUESTION_ROW)
const MAX_REGISTERS = Math.floor((GUEST_LAYOUT.reportBytes - REPORT.registerRows) / REGISTER_ROW)

/** Reads GUEST_LAYOUT.reportBytes bytes from GUEST_LAYOUT.report; undefined when no probe guest (of this version) wrote there. */
export function decodeGuestReport(memory: Uint8Array): GuestReport | undefined {
  if (memory.length < GUEST_LAYOUT.reportBytes) return undefined
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength)
  const u64 = (offset: number): bigint => view.getBigUint64(offset, true)
  const u32 = (offset: number): number => view.getUint32(offset, true)
  if (u64(REPORT.magic) !== GUEST_LAYOUT.reportMagic || u32(REPORT.version) !== GUEST_LAYOUT.reportVersion) return undefined
  const rows = <T>(count: number, most: number, read: (n: number) => T): readonly T[] => Array.from({ length: Math.min(count, most) }, (_, n) => read(n))
  const done = u64(REPORT.actionDone)
  return {
    generation: u64(REPORT.generation),
    questions: rows(u32(REPORT.questions), MAX_QUESTIONS, n => question(u64, REPORT.questionRows + n * QUESTION_ROW)),
    registers: rows(u32(REPORT.registers), MAX_REGISTERS, n => register(u64, REPORT.registerRows + n * REGISTER_ROW)),
    vcpus: rows(u32(REPORT.vcpus), GUEST_LAYOUT.maxVcpus, n => vcpu(u64, n)),
    differences: u64(REPORT.differences),
    exceptions: { count: u64(REPORT.exceptions), esr: u64(REPORT.esr), elr: u64(REPORT.elr), far: u64(REPORT.far) },
    boots: u64(REPORT.boots),
    resumes: u64(REPORT.resumes),
    action: { called: done !== 0n, ...(done === 2n ? { returned: u64(REPORT.actionResult) } : {}) },
  }
}

type Read = (offset: number) => bigint

function question(u64: Read, row: number): GuestQuestion {
  const flags = Number(u64(row + 16) & 3n)
  const boot = [0, 1, 2, 3].map(n => u64(row + 0x20 + n * 8))
  const now = [0, 1, 2, 3].map(n => u64(row + 0x40 + n * 8))
  const presenceOnly = (flags & QUESTION_PRESENCE) !== 0
  return {
    functionId: Number(u64(row) & 0xffff_ffffn),
    argument: Number(u64(row + 8) & 0xffff_ffffn),
    conduit: flags & QUESTION_SMC ? 'smc' : 'hvc',
    presenceOnly,
    boot,
    now,
    differs: presenceOnly ? (boot[0] === NOT_SUPPORTED) !== (now[0] === NOT_SUPPORTED) : boot.some((value, n) => value !== now[n]),
  }
}

function register(u64: Read, row: number): GuestRegister {
  const readable = (value: bigint): bigint | undefined => (value === UNREADABLE ? undefined : value)
  const boot = u64(row + 8)
  const now = u64(row + 16)
  return { encoding: Number(u64(row) & 0xffffn), boot: readable(boot), now: readable(now), differs: boot !== now }
}

function vcpu(u64: Read, index: number): GuestVcpu {
  const row = REPORT.vcpuRows + index * VCPU_ROW
  return { index, rounds: u64(row), psciAtBoot: u64(row + 8), psci: u64(row + 16), mpidr: u64(row + 24) }
}

/** A PSCI_VERSION answer as text; a guest of PSCI 0.1 cannot ask and hears NOT_SUPPORTED. */
export const psciVersionText = (answer: bigint): string => (answer === NOT_SUPPORTED ? '0.1' : showPsciVersion(answer))

/** What vCPU 0 was told last, over HVC; undefined before its first question. */
export function observedPsci(report: GuestReport): { readonly atBoot: string; readonly now: string } | undefined {
  const asked = report.questions.find(each => each.functionId === PSCI_VERSION && each.conduit === 'hvc')
  return asked && { atBoot: psciVersionText(asked.boot[0] ?? 0n), now: psciVersionText(asked.now[0] ?? 0n) }
}
