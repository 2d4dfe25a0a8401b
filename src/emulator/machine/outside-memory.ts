// Owns who answers a load or store outside RAM: the in-kernel interrupt controller, a device of the board, or nobody here, which makes it the VMM's.
// Knows no engine.
import { GIC_DISTRIBUTOR, GIC_END } from '../board/memory-map.ts'
import type { MmioStop } from '../cpu/engine.ts'
import type { Bus } from './bus.ts'
import type { Interrupts } from './interrupts.ts'

export interface Responders {
  readonly interrupts: Interrupts
  readonly bus: Bus
  /** Has every vCPU's outputs on their lines: registers of the interrupt controller show them. */
  settleLines(): void
}

/** Makes the access of the vCPU at `position`: a load's value, 0 for a store. Undefined when nobody here answers. */
export function accessOutside({ interrupts, bus, settleLines }: Responders, position: number, { address, size, write, data }: MmioStop): bigint | undefined {
  const gic = address >= GIC_DISTRIBUTOR && address < GIC_END ? interrupts.gic() : undefined
  const frame = Number(address - GIC_DISTRIBUTOR)
  if (gic?.claims(frame)) {
    settleLines()
    if (!write) return gic.read(position, frame, size)
    gic.write(position, frame, size, data)
    return 0n
  }
  const found = bus.find(address)
  if (!found) return undefined
  if (!write) return found.device.read(found.offset, size)
  found.device.write(found.offset, size, data)
  return 0n
}
