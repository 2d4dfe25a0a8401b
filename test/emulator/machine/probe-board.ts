// Owns the board that machine tests run the built-in guest on.
import type { Build } from '../../../src/builds/build.ts'
import { BOARD_DEVICES } from '../../../src/emulator/board/devices.ts'
import { GUEST_LAYOUT } from '../../../src/emulator/board/guest/layout.ts'
import type { GuestParams } from '../../../src/emulator/board/guest/params.ts'
import { probeGuest } from '../../../src/emulator/board/guest/probe.ts'
import { decodeGuestReport, type GuestReport } from '../../../src/emulator/board/guest-report.ts'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'
import type { FirmwareEvent } from '../../../src/emulator/machine/firmware-watch.ts'
import { createMachine, type Machine } from '../../../src/emulator/machine/machine.ts'

const PC = 0x6030_0000_0010_0040n
export const PSCI_02 = 1 << 2
const POWER_OFF = 1

interface BootOptions {
  readonly features?: number
  readonly sent?: number[]
  readonly onFirmware?: (event: FirmwareEvent) => void
}

export async function bootProbe(build: Build, params: GuestParams, { features = PSCI_02, sent = [], onFirmware }: BootOptions = {}): Promise<Machine> {
  const machine = createMachine(build, {
    ram: [{ start: RAM_BASE, size: GUEST_LAYOUT.ramBytes }],
    devices: BOARD_DEVICES,
    output: (_device, byte) => sent.push(byte),
    ...(onFirmware ? { onFirmware } : {}),
  })
  const { entry, parts } = await probeGuest(params)
  for (const { address, bytes } of parts) machine.memory.write(address, bytes)
  for (let index = 0; index < params.vcpus; index++) {
    const errno = machine.vm.createVcpu(index).init(features | (index === 0 ? 0 : POWER_OFF))
    if (errno) throw new Error(`VCPU_INIT: ${errno}`)
  }
  if (machine.vm.createGic('v3') !== 0) throw new Error('no GICv3')
  machine.vm.vcpus[0]!.set64(PC, entry)
  return machine
}

export function report(machine: Machine): GuestReport {
  const found = decodeGuestReport(machine.memory.read(GUEST_LAYOUT.report, GUEST_LAYOUT.reportBytes))
  if (!found) throw new Error('the guest wrote no report')
  return found
}
