// Owns the lookup from a ONE_REG id to its name and row. Total: every id has a name, known or spelled from its bits. Knows no values.
import { once } from '../once.ts'
import { type RegId, regCoproc, regIndex, showRegId } from '../reg-id.ts'
import { aarch32Name } from './aarch32.ts'
import { coreRows } from './core.ts'
import { demuxRows } from './demux.ts'
import { firmwareRows } from './firmware.ts'
import type { RegisterClass, RegisterRow } from './row.ts'
import { sveRows } from './sve.ts'
import { encodingName, systemRegisterNames, systemRows } from './system.ts'
import { timerRows } from './timers.ts'

/** Rows whose names win: a system register of the same name or id (SPSR_EL1, FPSR by their MRS encodings) is spelled by its encoding. */
const kvmRows = once((): readonly RegisterRow[] => [...coreRows(), ...sveRows(), ...firmwareRows(), ...timerRows(), ...demuxRows()])

const names = once((): ReadonlyMap<bigint, string> => {
  const byId = new Map<bigint, string>(kvmRows().map(row => [row.id, row.name]))
  const taken = new Set([...byId.values()].map(name => name.toLowerCase()))
  for (const [id, name] of systemRegisterNames()) {
    if (byId.has(id)) continue
    byId.set(id, taken.has(name.toLowerCase()) ? encodingName(Number(id & 0xffffn)) : name)
  }
  return byId
})

const rows = once((): ReadonlyMap<bigint, RegisterRow> => {
  const byId = new Map<bigint, RegisterRow>(kvmRows().map(row => [row.id, row]))
  for (const row of systemRows()) {
    if (byId.has(row.id)) continue
    const name = names().get(row.id) ?? row.name
    byId.set(row.id, name === row.name ? row : { ...row, name })
  }
  return byId
})

/** Every row of the catalogue, core registers first, system registers by encoding. */
export const registerRows = (): Iterable<RegisterRow> => rows().values()

/** The row of this id, or undefined for an id that the catalogue does not know. */
export const registerRow = (id: RegId): RegisterRow | undefined => rows().get(id)

/** True when the catalogue has a row for this id; cheaper than registerRow. */
export const isKnownRegister = (id: bigint): boolean => names().has(id)

/** Size field (bits 55:52) as the kernel header names it; U64 is what one expects and stays unsaid. */
const sizeSuffix = (id: bigint) => {
  const bits = 8 << Number((id >> 52n) & 0xfn)
  return bits === 64 ? '' : ` u${bits}`
}

/**
 * The name of a register: KVM's or Arm's spelling when the catalogue knows it, `S3_7_C15_C15_7` for another system register,
 * `coproc 0x17 index 0x0003` (with ` u32` … when it is not 64 bits wide) for any other shape, `A32_SCTLR` for a register of the 32-bit Arm ABI
 * (QEMU's TCG saves such), and the plain number when bits are set that no id has. Total and one-to-one: parseRegister(registerName(id)) is id.
 */
export function registerName(id: RegId | bigint): string {
  const known = names().get(id)
  if (known !== undefined) return known
  if ((id & 0xff0f_ffff_f000_0000n) !== 0x6000_0000_0000_0000n) return aarch32Name(id) ?? showRegId(id)
  const coproc = regCoproc(id as RegId)
  const index = regIndex(id as RegId)
  if (coproc === 0x13 && sizeSuffix(id) === '') return encodingName(index)
  return `coproc 0x${coproc.toString(16).padStart(2, '0')} index 0x${index.toString(16).padStart(4, '0')}${sizeSuffix(id)}`
}

const CLASS_OF_COPROC: Readonly<Record<number, RegisterClass>> = {
  16: 'core',
  17: 'demux',
  19: 'system',
  20: 'firmware',
  21: 'sve',
  22: 'firmware-bitmap',
}

/** The class of an id, from its row or else from its coprocessor number; undefined for a class that no known kernel has. */
export const registerClass = (id: RegId): RegisterClass | undefined => rows().get(id)?.class ?? CLASS_OF_COPROC[regCoproc(id)]
