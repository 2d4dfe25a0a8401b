// Owns what of a vCPU stands in an ELF core: the general and the vector registers as Linux's struct elf_prstatus and struct user_fpsimd_state have them.
// Source: Linux include/uapi/linux/elfcore.h, arch/arm64/include/uapi/asm/ptrace.h; layout of arm64 (LP64, little-endian).
import { coreId, sysRegId } from '../../arch/reg-id.ts'
import { type RegisterList, registerAt } from '../../model/register-list.ts'

export const PRSTATUS_BYTES = 392
export const FPREGSET_BYTES = 528
const PR_PID = 32
const PR_REG = 112
const PR_FPVALID = PR_REG + 34 * 8

const SP_EL0 = coreId(0x3e)
const PC = coreId(0x40)
const PSTATE = coreId(0x42)
const SP_EL1 = coreId(0x44)
const SP_EL2 = sysRegId(3, 6, 4, 1, 0)
const V0 = 0x6040_0000_0010_0054n
const Z0 = 0x6080_0000_0015_0000n
const FPSR = 0x6020_0000_0010_00d4n
const FPCR = 0x6020_0000_0010_00d5n

export interface CoreRegisters {
  readonly prstatus: Uint8Array
  readonly fpregset: Uint8Array
  /** Vectors are longer than the 128 bits that fit. */
  readonly cutVectors: boolean
}

/** `thread` is the number that a debugger shows; what the list does not hold is zero. */
export function coreRegisters(registers: RegisterList, thread: number): CoreRegisters {
  const at = (id: bigint): Uint8Array | undefined => {
    const index = registers.ids.indexOf(id)
    return index < 0 ? undefined : registerAt(registers, index)
  }
  const prstatus = new Uint8Array(PRSTATUS_BYTES)
  const view = new DataView(prstatus.buffer)
  view.setInt32(PR_PID, thread, true)
  for (let n = 0; n < 31; n++) put(prstatus, PR_REG + 8 * n, at(coreId(2 * n)))
  const pstate = at(PSTATE)
  put(prstatus, PR_REG + 31 * 8, at(stackPointer(pstate)))
  put(prstatus, PR_REG + 32 * 8, at(PC))
  put(prstatus, PR_REG + 33 * 8, pstate)
  view.setInt32(PR_FPVALID, 1, true)

  const fpregset = new Uint8Array(FPREGSET_BYTES)
  let cutVectors = false
  for (let n = 0; n < 32; n++) {
    const vector = at(V0 + BigInt(4 * n))
    const long = vector ? undefined : at(Z0 + BigInt(n << 5)) // with SVE a vCPU has no V registers: they are the low part of the Z registers
    cutVectors ||= long !== undefined
    put(fpregset, 16 * n, vector ?? long?.subarray(0, 16))
  }
  put(fpregset, 512, at(FPSR))
  put(fpregset, 516, at(FPCR))
  return { prstatus, fpregset, cutVectors }
}

function put(into: Uint8Array, offset: number, value: Uint8Array | undefined): void {
  if (value) into.set(value, offset)
}

/** The register that SP means in the vCPU's mode: PSTATE.SP chooses between SP_EL0 and that of the exception level. */
function stackPointer(pstate: Uint8Array | undefined): bigint {
  const mode = (pstate?.[0] ?? 0) & 0x1f
  if (mode === 0b00101) return SP_EL1
  return mode === 0b01001 ? SP_EL2 : SP_EL0
}
