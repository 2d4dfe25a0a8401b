// Owns what a snapshot's memory says about the guest in it, without a VM: whether it claims to be the built-in one, and whether its code is byte for byte
// that one. Decides nothing: restore-attempt.ts does.
import { PC_ID, sysRegId } from '../arch/reg-id.ts'
import { GUEST_LAYOUT } from '../emulator/board/guest/layout.ts'
import { probeGuest } from '../emulator/board/guest/probe.ts'
import { decodeGuestReport } from '../emulator/board/guest-report.ts'
import { readMemory } from '../model/read-memory.ts'
import { registerValue } from '../model/register-list.ts'
import type { Snapshot } from '../model/snapshot.ts'

/** `none`: nothing that says so. `claimed`: a report stands where the built-in guest keeps its own. `ours`: its code is ours too, and every vCPU that runs stands in it. */
export type GuestInFile = 'none' | 'claimed' | 'ours'

const SCTLR_EL1 = sysRegId(3, 0, 1, 0, 0)
const VBAR_EL1 = sysRegId(3, 0, 12, 0, 0)
const MMU = 1n

/** Reads the report and the code of the built-in guest, nothing else. */
export async function guestInFile(snapshot: Snapshot, signal?: AbortSignal): Promise<GuestInFile> {
  const report = await readMemory(snapshot.memory, GUEST_LAYOUT.report, GUEST_LAYOUT.reportBytes, signal)
  if (!report || !decodeGuestReport(report)) return 'none'
  const code = (await probeGuest({ vcpus: 1 })).parts.find(({ address }) => address === GUEST_LAYOUT.image)!.bytes
  const held = await readMemory(snapshot.memory, GUEST_LAYOUT.image, code.length, signal)
  if (!held || held.length !== code.length || !held.every((byte, i) => byte === code[i])) return 'claimed'
  const isInside = (address: bigint | undefined): boolean =>
    address !== undefined && address >= GUEST_LAYOUT.image && address < GUEST_LAYOUT.image + BigInt(code.length)
  // A stopped vCPU starts where the others' CPU_ON says. With the MMU off an address is what it says.
  const isAtHome = snapshot.vcpus.every(
    ({ mpState, registers }) =>
      mpState === 'stopped' ||
      (isInside(registerValue(registers, PC_ID)) &&
        isInside(registerValue(registers, VBAR_EL1)) &&
        ((registerValue(registers, SCTLR_EL1) ?? MMU) & MMU) === 0n),
  )
  return isAtHome ? 'ours' : 'claimed'
}
