// Owns data accesses that are not in RAM: what the trapping hardware would report of them (ESR_EL2.ISS with ISV), and finishing them. Knows no device.
import { advance, type Cpu, idField, type Outcome } from './cpu.ts'
import type { Encoding } from './decode/table.ts'
import type { MmioStop } from './engine.ts'
import { FAULT, takeDataAbort } from './exceptions.ts'
import { SYSREG } from './system-register-encoding.ts'
import type { VcpuBlock } from './vcpu-block.ts'

/** By ID_AA64MMFR0_EL1.PARange. */
const PHYSICAL_BITS = [32, 36, 40, 42, 44, 48, 52, 56]

export const physicalBits = (cpu: Pick<Cpu, 'idRegisters'>): number => PHYSICAL_BITS[idField(cpu, SYSREG.ID_AA64MMFR0_EL1, 0)] ?? 48

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

/** The access of the instruction at PC missed RAM at `address`. */
export function outsideAccess(vcpu: VcpuBlock, cpu: Cpu, word: number, address: bigint, bytes: number, write: boolean): Outcome {
  if (address >> BigInt(physicalBits(cpu)) !== 0n) {
    takeDataAbort(vcpu, cpu.features, FAULT.addressSize0, address, write)
    return undefined
  }
  const access = singleAccess(cpu.decoder.decode(word), word)
  const straddles = cpu.inRam(address, 1) || cpu.inRam(address + BigInt(bytes - 1), 1)
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
