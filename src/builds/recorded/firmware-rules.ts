// Derives FirmwareRules from a recording: from the PSCI matrix where it is there, else from the firmware-register effects, the SMCCC filter
// check and the capabilities that every recording has. Says which rules were concluded and from what.
import type { FirmwareRules } from '../firmware-rules.ts'

/** One guest call: X0 … X3 before, X0 after, the payload's address when it is not the HVC #0 loop. */
interface Call {
  readonly t?: string
  readonly in: readonly string[]
  readonly pc?: string
  readonly r?: string
}
/** The parts of a recording (recordings/SCHEMA.md) that firmware rules are read from. */
export interface FirmwareRecording {
  readonly meta: { readonly caps: Readonly<Record<string, readonly [number, number]>> }
  readonly psci?: readonly { readonly set: string; readonly calls?: readonly Call[] }[]
  readonly fweffect?: readonly { readonly reg: string; readonly val: string; readonly calls: readonly Call[] }[]
  readonly smccc_filter?: readonly { readonly has_errno?: number }[]
  readonly event?: readonly { readonly t: string; readonly out?: { readonly ndata?: string; readonly data?: readonly string[] } }[]
}

const NOT_SUPPORTED = '0xffffffffffffffff'
const INVALID_PARAMS = '0xfffffffffffffffe'

/** What this kernel answers guests. */
export function firmwareRules(recording: FirmwareRecording): FirmwareRules {
  const inferred: string[] = []
  const matrix = recording.psci?.find(each => each.set !== 'psci01' && each.calls)?.calls
  // Any of these registers' rows will do: each service is on in at least one of them.
  const effects = (recording.fweffect ?? []).flatMap(each => each.calls)
  const answered = (functionId: number, x1?: number): boolean =>
    [...(matrix ?? []), ...effects].some(
      call => call.pc === undefined && Number(call.in[0]) === functionId && (x1 === undefined || Number(call.in[1]) === x1) && succeeded(call),
    )
  const byTag = (tag: string): Call | undefined => matrix?.find(call => call.t === tag)
  /** A rule that only the matrix shows, or else what it always came with. */
  const rule = (name: string, call: Call | undefined, holds: (call: Call) => boolean, because: string, guess: boolean): boolean => {
    if (call) return holds(call)
    inferred.push(`${name}: ${because}`)
    return guess
  }
  // A recording that stopped early lacks the filter check; KVM_CAP_COUNTER_OFFSET arrived in the same release.
  const filter = recording.smccc_filter?.[0] ? recording.smccc_filter[0].has_errno === 0 : supported(recording, 'COUNTER_OFFSET')
  const eventData = supported(recording, 'SYSTEM_EVENT_DATA')
  const off = recording.event?.find(each => each.t === 'SYSTEM_OFF' && each.out?.data)?.out
  return {
    conduits: {
      hvc0: true,
      hvcOther: rule('conduits.hvcOther', byTag('HVC1 PSCI_VERSION'), succeeded, 'so on every recorded kernel', true),
      // The SMCCC filter and SMC as a conduit came with one and the same change of the handler.
      smc0: rule('conduits.smc0', byTag('SMC0 SMCCC_VERSION'), succeeded, 'as KVM_ARM_VM_SMCCC_FILTER', filter),
      smcOther: rule('conduits.smcOther', byTag('SMC1 PSCI_VERSION'), succeeded, 'so on every recorded kernel', false),
    },
    workaroundCalls: answered(0x80008000) && answered(0x80007fff) && answered(0x80003fff),
    trng: answered(0x84000050),
    pvTime: answered(0x80000001, 0xc5000020),
    vendorUid: answered(0x8600ff01),
    vendorFeatures: answered(0x86000000),
    vendorPtp: answered(0x86000001),
    strictAffinity: rule('strictAffinity', byTag('AFF v1 raw mpidr'), call => call.r === INVALID_PARAMS, 'as KVM_CAP_SYSTEM_EVENT_DATA', eventData),
    eventData: off ? off.data?.[1] === '0x0' : eventData,
    systemSuspend: supported(recording, 'ARM_SYSTEM_SUSPEND'),
    inferred,
  }
}

const succeeded = (call: Call): boolean => call.r !== undefined && call.r !== NOT_SUPPORTED
const supported = (recording: FirmwareRecording, capability: string): boolean => (recording.meta.caps[capability]?.[1] ?? 0) > 0
