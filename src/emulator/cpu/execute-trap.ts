// Owns the instructions that leave generated code: exceptions, waits, and the way to system-register and system instructions. Knows no encoding but by name.
import { advance, type Cpu, type Outcome, undefinedInstruction } from './cpu.ts'
import type { Encoding } from './decode/table.ts'
import type { Fields } from './decode/validity.ts'
import { ENGINE_STATE, LINE } from './engine-state.ts'
import { EC, exceptionReturn, takeSynchronous } from './exceptions.ts'
import { PSTATE } from './pstate.ts'
import { SCTLR } from './sctlr.ts'
import { executeSystem } from './system-instructions.ts'
import { encodingOf, SYSREG } from './system-register-encoding.ts'
import { executeMrs, executeMsr, executeMsrImmediate, fpTrapped, takeFpTrap } from './system-registers.ts'
import type { VcpuBlock } from './vcpu-block.ts'

const ID_AA64PFR0 = encodingOf(3, 0, 0, 4, 0)
const EC_SVE = 0x19
/** DISR_EL1.A: an error was deferred. */
const DISR_A = 1n << 31n
const CONDITION_VALID = (1 << 24) | (0xe << 20)

/** Executes the instruction at PC, whose word is given. Nothing has changed yet; `executed` instructions of this run came before it. */
export function executeTrap(vcpu: VcpuBlock, cpu: Cpu, word: number, executed: number): Outcome {
  const encoding = cpu.decoder.decode(word)
  if (!encoding) return undefinedInstruction(vcpu, cpu)
  if (isFpSimd(word) && encoding.semantics !== 'undefined' && fpTrapped(vcpu)) return takeFpTrap(vcpu, cpu.features)
  const f = encoding.fields(word)
  switch (encoding.semantics) {
    case 'readRegister':
      return executeMrs(vcpu, cpu, f, executed)
    case 'writeRegister':
      return executeMsr(vcpu, cpu, f, executed)
    case 'moveToPstate':
      return executeMsrImmediate(vcpu, cpu, f)
    case 'system':
      return executeSystem(vcpu, cpu, f, encoding.name)
    case 'unimplemented':
      return unimplemented(vcpu, cpu, encoding, word)
    case 'pointerAuthHint': {
      const enabled = vcpu.sysreg(SYSREG.SCTLR_EL1) & (encoding.name.includes('IB') ? SCTLR.enIb : SCTLR.enIa)
      return enabled ? unimplemented(vcpu, cpu, encoding, word) : advance(vcpu)
    }
    case 'errorBarrier':
      return deferError(vcpu)
    case 'trap':
      return executeNamed(vcpu, cpu, encoding.name, f)
    default:
      return undefinedInstruction(vcpu, cpu)
  }
}

/** The groups of FP and SIMD instructions, their loads and stores included: Arm ARM C4.1. */
const isFpSimd = (word: number): boolean => ((word >>> 26) & 3) === 3

function unimplemented(vcpu: VcpuBlock, cpu: Cpu, encoding: Encoding, word: number): Outcome {
  if (encoding.name === 'SVE') {
    const zen = Number((vcpu.sysreg(SYSREG.CPACR_EL1) >> 16n) & 3n)
    if (zen === 0 || zen === 2 || (zen === 1 && vcpu.el === 0)) {
      takeSynchronous(vcpu, cpu.features, { ec: EC_SVE })
      return undefined
    }
  }
  const feature = encoding.feature
  if (feature === undefined) throw new Error(`${encoding.name} is not implemented and names no feature`)
  return { kind: 'unimplemented', feature, word: word >>> 0, pc: vcpu.pc }
}

function executeNamed(vcpu: VcpuBlock, cpu: Cpu, name: string, f: Fields): Outcome {
  const el1 = vcpu.el === 1
  switch (name) {
    case 'SVC':
      advance(vcpu)
      takeSynchronous(vcpu, cpu.features, { ec: EC.svc64, iss: f.i })
      return undefined
    case 'BRK':
      takeSynchronous(vcpu, cpu.features, { ec: EC.brk, iss: f.i })
      return undefined
    case 'HVC':
      if (!el1) return undefinedInstruction(vcpu, cpu)
      advance(vcpu)
      return { kind: 'hvc', immediate: f.i }
    case 'SMC':
      return el1 ? { kind: 'smc', immediate: f.i } : undefinedInstruction(vcpu, cpu)
    case 'ERET': {
      if (!el1) return undefinedInstruction(vcpu, cpu)
      const aarch32El0 = Number(((cpu.idRegisters.get(ID_AA64PFR0) ?? 0n) >> 0n) & 0xfn) === 2
      return exceptionReturn(vcpu, cpu.features, aarch32El0) ? undefined : { kind: 'cannot-execute', what: 'AArch32' }
    }
    case 'SEV':
      cpu.sendEventToAll()
      return advance(vcpu)
    case 'SEVL':
      vcpu.write32(ENGINE_STATE.event, 1)
      return advance(vcpu)
    case 'WFE':
      if (vcpu.read32(ENGINE_STATE.event) !== 0) {
        vcpu.write32(ENGINE_STATE.event, 0)
        return advance(vcpu)
      }
      return wait(vcpu, cpu, 'wfe')
    case 'WFI':
      return vcpu.read32(ENGINE_STATE.lines) !== 0 ? advance(vcpu) : wait(vcpu, cpu, 'wfi')
    default:
      throw new Error(`${name} traps, but nothing executes it`)
  }
}

/** ESB: an SError that waits and is masked becomes a deferred one, which software finds in DISR_EL1. */
function deferError(vcpu: VcpuBlock): Outcome {
  const lines = vcpu.read32(ENGINE_STATE.lines)
  if (lines & LINE.serror && vcpu.pstate & PSTATE.a) {
    vcpu.write32(ENGINE_STATE.lines, lines & ~LINE.serror)
    vcpu.setSysreg(SYSREG.DISR_EL1, DISR_A | BigInt(vcpu.read32(ENGINE_STATE.serror) & 0x1ff_ffff))
  }
  return advance(vcpu)
}

/** EL1 may forbid EL0 to wait (SCTLR_EL1.nTWE, nTWI). */
function wait(vcpu: VcpuBlock, cpu: Cpu, kind: 'wfe' | 'wfi'): Outcome {
  const permitted = vcpu.sysreg(SYSREG.SCTLR_EL1) & (kind === 'wfe' ? SCTLR.nTwe : SCTLR.nTwi)
  if (vcpu.el === 0 && !permitted) {
    takeSynchronous(vcpu, cpu.features, { ec: EC.wfx, iss: CONDITION_VALID | (kind === 'wfe' ? 1 : 0) })
    return undefined
  }
  advance(vcpu)
  return { kind }
}
