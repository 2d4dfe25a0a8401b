// Owns what the host tells the probe guest before its first run: how many vCPUs to bring up and what to do after some rounds.
import { ACTION, FLAG_EXCLUSIVE, GUEST_LAYOUT, PARAMS } from './layout.ts'

export interface GuestParams {
  /** vCPUs to bring up, 1 to 64. */
  readonly vcpus: number
  /** The call that ends the guest, `none` to ask for ever. */
  readonly action?: keyof typeof ACTION
  /** Complete rounds of questions before it; 1 unless said. */
  readonly rounds?: number
  /** Arguments of SYSTEM_RESET2 and SYSTEM_OFF2 (type, cookie), context of SYSTEM_SUSPEND. */
  readonly arguments?: readonly [bigint, bigint]
  /** Empty loop passes between rounds. */
  readonly delay?: number
  /** Every vCPU also counts in one place with exclusive loads and stores. */
  readonly exclusive?: boolean
}

/** The parameter block, for guest physical address GUEST_LAYOUT.params. Throws RangeError for a number of vCPUs that the guest cannot have. */
export function guestParams(params: GuestParams): Uint8Array {
  if (params.vcpus < 1 || params.vcpus > GUEST_LAYOUT.maxVcpus)
    throw new RangeError(`the built-in guest has 1 to ${GUEST_LAYOUT.maxVcpus} vCPUs, not ${params.vcpus}`)
  const bytes = new Uint8Array(PARAMS.bytes)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(PARAMS.magic, GUEST_LAYOUT.paramsMagic, true)
  view.setUint32(PARAMS.vcpus, params.vcpus, true)
  view.setUint32(PARAMS.action, ACTION[params.action ?? 'none'], true)
  view.setUint32(PARAMS.rounds, params.rounds ?? 1, true)
  view.setUint32(PARAMS.flags, params.exclusive ? FLAG_EXCLUSIVE : 0, true)
  view.setBigUint64(PARAMS.arg1, params.arguments?.[0] ?? 0n, true)
  view.setBigUint64(PARAMS.arg2, params.arguments?.[1] ?? 0n, true)
  view.setBigUint64(PARAMS.delay, BigInt(params.delay ?? 0), true)
  return bytes
}
