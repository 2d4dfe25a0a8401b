// Owns StratoVirt's GICv3State and GICv3ItsState: structs as they lie in memory. Source: hypervisor/src/kvm/aarch64/gicv3.rs.
import { GICD, GICR, GITS, type GicState, type ItsState, registerRuns } from '../../../model/gic.ts'
import type { ByteReader } from '../../source/byte-reader.ts'
import type { StructView } from './records.ts'

const REDISTRIBUTOR_BYTES = 88
const DISTRIBUTOR_BYTES = 328
const CPU_INTERFACE_BYTES = 128

type Pairs = (readonly [number, number])[]

/** Throws INPUT_CORRUPT. */
export function readGic(state: StructView): GicState {
  const redistributors = items(state, 'vcpu_redist', 'redist_len', REDISTRIBUTOR_BYTES)
  const interfaces = new Map(items(state, 'vcpu_iccr', 'iccr_len', CPU_INTERFACE_BYTES).map(cpuInterface))
  const distributor: Pairs = [
    [GICD.ctlr, Number(state.unsigned('gicd_ctlr', 4))],
    [GICD.statusr, Number(state.unsigned('gicd_statusr', 4))],
  ]
  const banks = items(state, 'irq_dist', 'dist_len', DISTRIBUTOR_BYTES).map(reader => distributorBank(reader, distributor))
  return {
    distributor: registerRuns(distributor),
    vcpus: redistributors.map(reader => {
      const { vcpu, pairs } = redistributor(reader)
      const own = interfaces.get(vcpu)
      return { vcpu, registers: registerRuns(pairs), ...(own ? { systemRegisters: own } : {}) }
    }),
    other: {
      redistTyper: (state.unsigned('redist_typer_h', 4) << 32n) | state.unsigned('redist_typer_l', 4),
      // StratoVirt reads these from the wrong group of attributes, so they are not the input lines that they are named for.
      lineLevel: banks,
    },
  }
}

export function readIts(state: StructView): ItsState {
  const tables = state.reader('baser', state.bytes('baser', 64))
  return {
    registers: [
      [GITS.ctlr, state.unsigned('ctlr', 8)],
      [GITS.iidr, state.unsigned('iidr', 8)],
      [GITS.cbaser, state.unsigned('cbaser', 8)],
      [GITS.cwriter, state.unsigned('cwriter', 8)],
      [GITS.creadr, state.unsigned('creadr', 8)],
      ...Array.from({ length: 8 }, (_, i) => [GITS.baser + 8 * i, tables.u64le('GITS_BASER')] as const),
    ],
  }
}

function items(state: StructView, list: string, length: string, size: number): readonly ByteReader[] {
  const bytes = state.bytes(list)
  const count = state.count(length, Math.floor(bytes.length / size))
  return Array.from({ length: count }, (_, i) => state.reader(list, bytes.subarray(i * size, (i + 1) * size)))
}

function redistributor(reader: ByteReader): { readonly vcpu: number; readonly pairs: Pairs } {
  const vcpu = reader.size64le('a vCPU number')
  const word = () => reader.u32le('a redistributor register')
  const offsets = [
    GICR.icfgr + 4, // edge_trigger is GICR_ICFGR1
    GICR.ctlr,
    GICR.statusr,
    GICR.waker,
    GICR.igroupr0,
    GICR.isenabler0,
    GICR.ispendr0,
    GICR.isactiver0,
    GICR.propbaser,
    GICR.propbaser + 4,
    GICR.pendbaser,
    GICR.pendbaser + 4,
    ...Array.from({ length: 8 }, (_, i) => GICR.ipriorityr + 4 * i),
  ]
  return { vcpu, pairs: offsets.map(offset => [offset, word()] as const) }
}

/** One bank of 32 interrupts; adds its registers to `pairs` and gives what the file has as its line level. */
function distributorBank(reader: ByteReader, pairs: Pairs): number {
  const first = Number(reader.u64le('an interrupt number') & 0x3ffn)
  const word = () => reader.u32le('a distributor register')
  const bank = first / 32
  word() // GICD_STATUSR again
  for (const offset of [GICD.igroupr, GICD.isenabler, GICD.ispendr, GICD.isactiver]) pairs.push([offset + 4 * bank, word()])
  for (let i = 0; i < 2; i++) pairs.push([GICD.icfgr + 8 * bank + 4 * i, word()])
  for (let i = 0; i < 8; i++) pairs.push([GICD.ipriorityr + 32 * bank + 4 * i, word()])
  for (const half of [0, 4]) for (let i = 0; i < 32; i++) pairs.push([GICD.irouter + 256 * bank + 8 * i + half, word()])
  return word()
}

/** ICC_* by encoding, in the order of the struct. */
function cpuInterface(reader: ByteReader): readonly [number, readonly (readonly [number, bigint])[]] {
  const vcpu = reader.size64le('a vCPU number')
  const encodings = [0xc230, 0xc643, 0xc644, 0xc645, 0xc646, 0xc647, 0xc648, 0xc649, 0xc64a, 0xc64b, 0xc663, 0xc665, 0xc664, 0xc666, 0xc667]
  return [vcpu, encodings.map(encoding => [encoding, reader.u64le('a CPU interface register')] as const)]
}
