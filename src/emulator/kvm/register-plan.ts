// Owns the dense numbering of a build's registers: which ids exist at all, where each keeps its value and which rule reads and writes it.
// One plan a build, shared by all its VMs; it knows no VM, no feature and no value.
import { COPROC } from '../../arch/reg-id.ts'
import type { Build } from '../../builds/build.ts'
import { IdFieldCache } from '../../builds/id-values.ts'
import type { Encoding, SysregRow } from '../../builds/kernel-rules.ts'
import { VCPU_STATE, VCPU_STATE_BYTES } from '../state-layout.ts'

/** What reads and writes a register; the first two are the hot ones. */
export const KIND = {
  block: 0, // bytes of the vCPU block
  core: 1, // bytes of the vCPU block, with PSTATE's rules on writing
  id: 2, // bytes of the VM's ID store
  vector: 3, // V0 … V31
  firmware: 4,
  bitmap: 5,
  sve: 6,
  vls: 7,
  demux: 8,
  special: 9, // a system register with a rule of its own: `rules[index]`
} as const

const U32 = 0x6020_0000
const U64 = 0x6030_0000
const U128 = 0x6040_0000
const U256 = 0x6050_0000
const U512 = 0x6060_0000
const U2048 = 0x6080_0000
const SYSREG = COPROC.sysreg << 16
const VM_RULES = new Set(['id', 'imp', 'ctr'])

export class RegisterPlan {
  readonly build: Build
  readonly count: number
  /** Low and high half of each id, in list order. */
  readonly low: Uint32Array
  readonly high: Uint32Array
  readonly kind: Uint8Array
  /** Byte offset in the vCPU block (`block`, `core`, `vector`, `special`) or in the VM's ID store (`id`); index within its class else. */
  readonly place: Int32Array
  /** Rows of the system registers by index; undefined for the others. */
  readonly rows: readonly (SysregRow | undefined)[]
  readonly ids: BigUint64Array
  /** Bytes of the VM's ID store. */
  readonly idBytes: number
  readonly fields = new IdFieldCache()
  /** Index of a system register by encoding. */
  readonly sysregIndex: ReadonlyMap<Encoding, number>
  private readonly table = new Int16Array(2048).fill(-1)

  constructor(build: Build) {
    this.build = build
    const low: number[] = []
    const high: number[] = []
    const kind: number[] = []
    const place: number[] = []
    const rows: (SysregRow | undefined)[] = []
    const add = (hi: number, lo: number, k: number, at: number, row?: SysregRow): number => {
      low.push(lo >>> 0)
      high.push(hi >>> 0)
      kind.push(k)
      place.push(at)
      rows.push(row)
      return low.length - 1
    }
    const core = COPROC.core << 16
    for (let at = VCPU_STATE.x; at <= VCPU_STATE.spsrEl1 + 32; at += 8) add(U64, core | (at / 4), KIND.core, at)
    for (let n = 0; n < 32; n++) add(U128, core | ((VCPU_STATE.v + 16 * n) / 4), KIND.vector, VCPU_STATE.v + 16 * n)
    add(U32, core | (VCPU_STATE.fpsr / 4), KIND.core, VCPU_STATE.fpsr)
    add(U32, core | (VCPU_STATE.fpcr / 4), KIND.core, VCPU_STATE.fpcr)
    const sve = COPROC.sve << 16
    add(U512, sve | 0xffff, KIND.vls, 0)
    for (let n = 0; n < 32; n++) add(U2048, sve | (n << 5), KIND.sve, n)
    for (let n = 0; n < 16; n++) add(U256, sve | 0x400 | (n << 5), KIND.sve, 32 + n)
    add(U256, sve | 0x600, KIND.sve, 48)
    add(U64, COPROC.firmware << 16, KIND.firmware, 0)
    for (const n of build.kernel.workarounds) add(U64, (COPROC.firmware << 16) | n, KIND.firmware, n)
    build.kernel.bitmaps.forEach((bitmap, i) => {
      add(U64, (COPROC.firmwareBitmap << 16) | bitmap.index, KIND.bitmap, i)
    })
    const sysregIndex = new Map<Encoding, number>()
    const slotOf = new Map<Encoding, number>()
    let slot: number = VCPU_STATE.sysregs
    let idSlot = 0
    for (const row of build.kernel.sysregs) {
      if (VM_RULES.has(row.rule)) {
        sysregIndex.set(row.encoding, add(U64, SYSREG | row.encoding, KIND.id, idSlot, row))
        idSlot += 8
        continue
      }
      // A CLR register is a second name of its SET twin's storage: PMxxCLR has op2 2 (CRm 12) or shares all but op2, PMOVSCLR differs in CRm.
      const twin = row.rule === 'pmclr' ? setTwin(row.encoding) : row.encoding
      let at = slotOf.get(twin)
      if (at === undefined) {
        at = slot
        slotOf.set(twin, at)
        slot += 8
      }
      sysregIndex.set(row.encoding, add(U64, SYSREG | row.encoding, row.rule === 'rw' ? KIND.block : KIND.special, at, row))
    }
    if (slot > VCPU_STATE_BYTES) throw new RangeError(`${build.name} has more system registers than a vCPU block holds`)
    const selectors = build.kernel.demux.policy === 'virtual' ? range(build.kernel.demux.selectors) : [...build.host.ccsidr.keys()].sort((a, b) => a - b)
    for (const n of selectors) add(U32, (COPROC.demux << 16) | n, KIND.demux, n)

    this.count = low.length
    this.low = Uint32Array.from(low)
    this.high = Uint32Array.from(high)
    this.kind = Uint8Array.from(kind)
    this.place = Int32Array.from(place)
    this.rows = rows
    this.idBytes = Math.max(8, idSlot)
    this.sysregIndex = sysregIndex
    this.ids = BigUint64Array.from(low, (lo, i) => (BigInt(high[i]! >>> 0) << 32n) | BigInt(lo >>> 0))
    for (let i = 0; i < this.count; i++) {
      let h = hash(this.low[i]!)
      while (this.table[h]! >= 0) h = (h + 1) & 2047
      this.table[h] = i
    }
  }

  /** Dense index of an id given as two halves, or -1. */
  indexOf(low: number, high: number): number {
    for (let h = hash(low); ; h = (h + 1) & 2047) {
      const i = this.table[h]!
      if (i < 0) return -1
      if (this.low[i] === low && this.high[i] === high) return i
    }
  }

  /** Dense index of an id, or -1. */
  find(id: bigint): number {
    return this.indexOf(Number(id & 0xffff_ffffn), Number(id >> 32n))
  }
}

const hash = (low: number): number => Math.imul(low, 0x9e3779b1) >>> 21
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** PMCNTENCLR → PMCNTENSET and PMINTENCLR → PMINTENSET (op2 2 → 1), PMOVSCLR → PMOVSSET (CRm 12 → 14). */
function setTwin(encoding: Encoding): Encoding {
  const isOverflow = (encoding & 7) === 3
  return isOverflow ? (encoding & ~(15 << 3)) | (14 << 3) : (encoding & ~7) | 1
}

const plans = new WeakMap<Build, RegisterPlan>()
/** The one plan of a build. */
export function planOf(build: Build): RegisterPlan {
  let plan = plans.get(build)
  if (!plan) plans.set(build, (plan = new RegisterPlan(build)))
  return plan
}
