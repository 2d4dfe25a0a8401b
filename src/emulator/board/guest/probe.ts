// Owns the probe guest as something to load: its bytes and where they go.
import { GUEST_LAYOUT } from './layout.ts'
import { type GuestParams, guestParams } from './params.ts'

/** What to write into guest memory, and where vCPU 0 starts. The rest of the memory is zero. */
export interface LoadedGuest {
  readonly entry: bigint
  readonly parts: readonly { readonly address: bigint; readonly bytes: Uint8Array }[]
}

/** The built-in guest with its parameters. Throws RangeError for a number of vCPUs that it cannot have. */
export async function probeGuest(params: GuestParams): Promise<LoadedGuest> {
  const { PROBE_BASE64 } = await import('./images.ts')
  return {
    entry: GUEST_LAYOUT.image,
    parts: [
      { address: GUEST_LAYOUT.params, bytes: guestParams(params) },
      { address: GUEST_LAYOUT.image, bytes: fromBase64(PROBE_BASE64) },
    ],
  }
}

export const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), char => char.charCodeAt(0))
