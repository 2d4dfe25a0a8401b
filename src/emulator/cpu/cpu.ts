// Owns what the parts of the runtime share: one engine's configuration and the few things that reach beyond a single vCPU. Knows no instruction.
import { finishStep } from './debug/enabled.ts'
import type { SelfHostedDebug } from './debug/self-hosted-debug.ts'
import type { IdRegisters } from './decode/cpu-feature.ts'
import type { Decoder } from './decode/table.ts'
import type { EngineHooks, StopReason, SysRegMap } from './engine.ts'
import type { Features } from './exceptions.ts'
import { EC, takeSynchronous, takeUndefined } from './exceptions.ts'
import type { Mmu } from './mmu/mmu.ts'
import type { VcpuBlock } from './vcpu-block.ts'

export interface Cpu {
  readonly features: Features
  readonly idRegisters: IdRegisters
  readonly decoder: Decoder
  readonly sysregs: SysRegMap
  readonly hooks: EngineHooks
  readonly mmu: Mmu
  readonly debug: SelfHostedDebug
  /** Bytes that DC ZVA zeroes. */
  readonly zvaBytes: number
  /** Sets the event register of every vCPU. */
  sendEventToAll(): void
  /** Writes zeros at a physical address; false when [address, address + length) is not in RAM. */
  zero(address: bigint, length: number): boolean
  /** Writes 8 bytes at a physical address in RAM, as a guest's store would. */
  write64(address: bigint, value: bigint): void
  /** Whether the bytes at a physical address are in RAM. */
  inRam(address: bigint, length: number): boolean
}

/** What became of a trapped instruction: undefined, run on (PC is where to). */
export type Outcome = StopReason | undefined

export const INSTRUCTION_BYTES = 4n
/** The instruction is complete: moves PC past it. */
export function advance(vcpu: VcpuBlock): undefined {
  vcpu.pc += INSTRUCTION_BYTES
  finishStep(vcpu)
  return undefined
}

export function undefinedInstruction(vcpu: VcpuBlock, cpu: Cpu): undefined {
  takeUndefined(vcpu, cpu.features)
  return undefined
}

/** The fields of a trapped MSR, MRS or system instruction, as the syndrome wants them (ISS of EC 0x18). */
export function trapSystemAccess(vcpu: VcpuBlock, cpu: Cpu, encoding: number, rt: number, read: boolean): undefined {
  const op0 = encoding >> 14
  const op1 = (encoding >> 11) & 7
  const crn = (encoding >> 7) & 15
  const crm = (encoding >> 3) & 15
  const op2 = encoding & 7
  const iss = (op0 << 20) | (op2 << 17) | (op1 << 14) | (crn << 10) | (rt << 5) | (crm << 1) | (read ? 1 : 0)
  takeSynchronous(vcpu, cpu.features, { ec: EC.sysreg, iss })
  return undefined
}

/** `register` of the ID space, field at `shift`. */
export const idField = (cpu: Pick<Cpu, 'idRegisters'>, register: number, shift: number): number =>
  Number(((cpu.idRegisters.get(register) ?? 0n) >> BigInt(shift)) & 0xfn)
