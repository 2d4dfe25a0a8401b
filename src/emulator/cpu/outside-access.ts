// Owns data accesses that are not in RAM: what the trapping hardware would report of them (ESR_EL2.ISS with ISV), and finishing them. Knows no device.
import { advance, type Cpu, type Outcome } from './cpu.ts'
import type { Encoding } from './decode/table.ts'
import type { MmioStop } from './engine.ts'
import type { VcpuBlock } from './vcpu-block.ts'

/** One general register without writeback: what hardware describes completely (Arm ARM, ISS encoding for data aborts, ISV). */
interface SingleAccess {
  readonly register: number
  readonly size: 1 | 2 | 4 | 8
  readonly write: boolean
  readonly signed: boolean
  readonly wide: boolean
}

function singleAccess(encoding: Encoding | undefined, word: number): SingleAccess | undefined {
  const register = word & 31
  switch (encoding?.semantics) {
    case 'loadStore':
    case 'loadStoreOrderedUnscaled': {
      const opc = (word >>> 22) & 3
      const size = (1 << (word >>> 30)) as SingleAccess['size']
      return { register, size, write: opc === 0, signed: opc >= 2, wide: opc === 2 || size === 8 }
    }
    case 'loadStoreOrdered': {
      const size = (1 << (word >>> 30)) as SingleAccess['size']
      return { register, size, write: encoding.name.startsWith('ST'), signed: false, wide: size === 8 }
    }
    case 'loadLiteral': {
      const opc = word >>> 30
      return { register, size: opc === 1 ? 8 : 4, write: false, signed: opc === 2, wide: opc !== 0 }
    }
    default:
      return undefined
  }
}

/** Where an access that missed RAM went: its first byte, and the physical page of its last byte when that is another page. */
export interface Missed {
  readonly physical: bigint
  readonly bytes: number
  readonly write: boolean
  readonly secondPage: bigint | undefined
}

/** The access of the instruction at PC missed RAM. */
export function outsideAccess(vcpu: VcpuBlock, cpu: Cpu, word: number, { physical: address, bytes, write, secondPage }: Missed): Outcome {
  const access = singleAccess(cpu.decoder.decode(word), word)
  const last = address + BigInt(bytes - 1)
  const apart = secondPage !== undefined && secondPage !== (last >> 12n) << 12n
  const straddles = apart || cpu.inRam(address, 1) || cpu.inRam(last, 1)
  if (!access || straddles) return { kind: 'nisv', address, write }
  const data = access.write ? BigInt.asUintN(access.size * 8, vcpu.x(access.register)) : 0n
  return { kind: 'mmio', address, size: access.size, write: access.write, data, word } satisfies MmioStop
}

/** Gives a load its value and goes on; a store only goes on. The word is the instruction that asked, wherever PC is now. */
export function completeAccess(vcpu: VcpuBlock, cpu: Cpu, word: number, value: bigint): void {
  const access = singleAccess(cpu.decoder.decode(word), word)
  if (!access) throw new Error('the instruction is not a single load or store: nothing to complete')
  if (!access.write) {
    const bits = access.size * 8
    const extended = access.signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)
    vcpu.setX(access.register, BigInt.asUintN(access.wide ? 64 : 32, extended))
  }
  advance(vcpu)
}
