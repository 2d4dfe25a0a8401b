// Owns what the saved state of an interrupt controller itself shows to be wrong, whatever VMM wrote it. Knows no file format.
import type { Finding } from './finding.ts'
import { GICR, type GicState, wordAt } from './gic.ts'
import { gicStateOf } from './gic-state-of.ts'
import type { DeviceSnapshot } from './snapshot.ts'

/** Of GICR_PENDBASER: the address of the table, bits 51 to 16. */
const PENDING_TABLE = 0x000f_ffff_ffff_0000n

/**
 * Findings about gic-v3 devices. Every redistributor has its own table of pending LPIs: the same address on all vCPUs means that the state of one was
 * saved for each. Cloud Hypervisor did that until after v53 (its pull request 8638): after a restore the other vCPUs lose their pending LPIs.
 */
export function gicConsistencyFindings(devices: readonly DeviceSnapshot[]): readonly Finding[] {
  return devices.flatMap((device): readonly Finding[] => {
    const vcpus = gicStateOf(device)?.vcpus ?? []
    if (device.kind !== 'gic-v3' || vcpus.length < 2) return []
    const tables = vcpus.map(({ registers }) => pendingTable(registers))
    const [first] = tables
    if (first === undefined || first === 0n || tables.some(table => table !== first)) return []
    return [
      {
        severity: 'error',
        code: 'gic-redistributors-identical',
        register: 'GICR_PENDBASER',
        message: `all ${vcpus.length} vCPUs have the same GICR_PENDBASER (table at 0x${first.toString(16)}): the redistributor of one was saved for every vCPU`,
        hint: 'a known fault of Cloud Hypervisor up to v53 (pull request 8638): interrupts of the other vCPUs are lost after a restore; take the snapshot with a release that has the fix',
      },
    ]
  })
}

function pendingTable(registers: GicState['vcpus'][number]['registers']): bigint | undefined {
  const low = wordAt(registers, GICR.pendbaser)
  const high = wordAt(registers, GICR.pendbaser + 4)
  return low === undefined && high === undefined ? undefined : ((BigInt(high ?? 0) << 32n) | BigInt(low ?? 0)) & PENDING_TABLE
}
