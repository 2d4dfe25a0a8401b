// Owns the translation state of an engine's vCPUs: which regime each has and which tables of remembered translations it uses, and forgetting (TLBI).
// Deciding an access completely is arch/translation's; the ordinary ones are generated code's. Knows no instruction.
//
// What is remembered is a cache of the guest's tables that the guest cannot tell from a real TLB: entries go when a TLBI says so, when a regime falls out of the
// banks, when registers were changed from outside. A change of ASID or of table only selects another bank, so no entry needs to know its ASID.
import type { TranslationFeatures } from '../../../arch/translation/features.ts'
import type { AccessKind, AccessRights } from '../../../arch/translation/permissions.ts'
import { type TranslationRegime, type TranslationRegisters, translationRegime } from '../../../arch/translation/regime.ts'
import { halfOf, type ReadPhysical64, type Translation, translate } from '../../../arch/translation/walk.ts'
import type { Bank, LookUpTables } from '../look-up-tables.ts'
import { PSTATE } from '../pstate.ts'
import { SYSREG } from '../system-register-encoding.ts'
import type { VcpuBlock } from '../vcpu-block.ts'
import { type WalkContext, writeContext, writeRegime } from './walk-parameters.ts'

/** Registers that decide how addresses are translated. */
export const TRANSLATION_REGISTERS: ReadonlySet<number> = new Set([SYSREG.SCTLR_EL1, SYSREG.TCR_EL1, SYSREG.TTBR0_EL1, SYSREG.TTBR1_EL1, SYSREG.MAIR_EL1])
/** The bits of an ASID that always count; forgetting a few too many does not matter. */
const LOW_ASID = 0xff
/** More pages than this in one TLBI are not looked for one by one. */
const MOST_PAGES = 512

/** A bank, and the regime whose translations it holds. */
interface Regime {
  readonly bank: Bank
  registers: TranslationRegisters | undefined
  regime: TranslationRegime
  lastUse: number
}

interface State {
  readonly regimes: readonly Regime[]
  current: Regime
  /** The registers may not be those of `current`. */
  stale: boolean
}

/** Which vCPUs a TLBI reaches. */
export type Reach = 'own' | 'all'

export class Mmu {
  readonly #view: DataView
  readonly #tables: LookUpTables
  readonly #features: TranslationFeatures
  readonly #read: ReadPhysical64
  readonly #states: readonly State[]
  #uses = 0
  /** What fixed memory describes now. */
  #selected: { readonly regime: Regime; readonly context: number } | undefined

  constructor(view: DataView, tables: LookUpTables, features: TranslationFeatures, read: ReadPhysical64) {
    this.#view = view
    this.#tables = tables
    this.#features = features
    this.#read = read
    const off = translationRegime({ sctlr: 0n, tcr: 0n, ttbr0: 0n, ttbr1: 0n, mair: 0n }, features)
    this.#states = tables.banks.map((banks): State => {
      const regimes = banks.map((bank): Regime => ({ bank, registers: undefined, regime: off, lastUse: 0 }))
      return { regimes, current: regimes[0]!, stale: true }
    })
  }

  /** A run begins: registers that were changed from outside do not come with a TLBI, so everything that was remembered is forgotten. */
  begin(vcpu: VcpuBlock): void {
    const state = this.#states[vcpu.index]!
    const known = state.current.registers
    if (known && equal(known, registersOf(vcpu))) return
    this.#tables.forgetVcpu(vcpu.index)
    state.stale = true
  }

  /** A run ends: from now on registers change from outside only. */
  end(vcpu: VcpuBlock): void {
    this.#current(vcpu)
  }

  /** The guest wrote one of TRANSLATION_REGISTERS. */
  registersChanged(vcpu: VcpuBlock): void {
    this.#states[vcpu.index]!.stale = true
  }

  /** Makes generated code translate as this vCPU's state says. */
  configure(vcpu: VcpuBlock): void {
    const current = this.#current(vcpu)
    const { pstate } = vcpu
    const { bank, regime } = current
    const context: WalkContext = { el: vcpu.el, pan: (pstate & PSTATE.pan) !== 0, uao: (pstate & PSTATE.uao) !== 0 }
    const code = context.el | (context.pan ? 2 : 0) | (context.uao ? 4 : 0)
    bank.used = true
    if (this.#selected?.regime === current && this.#selected.context === code) return
    if (this.#selected?.regime !== current) writeRegime(this.#view, regime)
    writeContext(this.#view, regime, context)
    this.#tables.select(bank, { el: context.el, pan: context.pan, unprivileged: context.uao ? 'own' : 'el0' })
    this.#selected = { regime: current, context: code }
  }

  regimeOf(vcpu: VcpuBlock): TranslationRegime {
    return this.#current(vcpu).regime
  }

  /** The complete answer for an access by this vCPU. */
  translate(vcpu: VcpuBlock, address: bigint, rights: AccessRights): Translation {
    return translate(this.regimeOf(vcpu), address, rights, this.#read)
  }

  /** With whose rights this vCPU's own access is made, or an unprivileged one. */
  rights(vcpu: VcpuBlock, kind: AccessKind, unprivileged = false): AccessRights {
    const { pstate, el } = vcpu
    const privileged = el === 1 && !(unprivileged && !(pstate & PSTATE.uao))
    return { kind, privileged, pan: privileged && kind !== 'fetch' && (pstate & PSTATE.pan) !== 0 }
  }

  #current(vcpu: VcpuBlock): Regime {
    const state = this.#states[vcpu.index]!
    if (!state.stale) return state.current
    const registers = registersOf(vcpu)
    let found = state.regimes.find(each => each.registers && equal(each.registers, registers))
    if (!found) {
      found = state.regimes.reduce((oldest, each) => (each.lastUse < oldest.lastUse ? each : oldest))
      this.#tables.forgetBank(found.bank)
      found.registers = registers
      found.regime = translationRegime(registers, this.#features)
      if (this.#selected?.regime === found) this.#selected = undefined
    }
    found.lastUse = ++this.#uses
    state.current = found
    state.stale = false
    return found
  }

  #reached(vcpu: VcpuBlock, reach: Reach): readonly State[] {
    return reach === 'all' ? this.#states : [this.#states[vcpu.index]!]
  }

  /** TLBI VMALLE1. */
  forgetAll(vcpu: VcpuBlock, reach: Reach): void {
    for (const { regimes } of this.#reached(vcpu, reach)) for (const { bank } of regimes) this.#tables.forgetBank(bank)
  }

  /** TLBI ASIDE1: what has this ASID, global entries of its regimes with it. */
  forgetAsid(vcpu: VcpuBlock, asid: number, reach: Reach): void {
    for (const { regimes } of this.#reached(vcpu, reach)) {
      for (const { bank, regime } of regimes) if (((regime.asid ^ asid) & LOW_ASID) === 0) this.#tables.forgetBank(bank)
    }
  }

  /** TLBI by address, of any ASID: `bytes` from this address on, whose bits 63:56 do not matter. */
  forgetRange(vcpu: VcpuBlock, address: bigint, bytes: number, reach: Reach): void {
    for (const { regimes } of this.#reached(vcpu, reach)) {
      for (const { bank, regime } of regimes) {
        if (!bank.used) continue
        const granule = halfOf(regime, address).granuleBits - 12
        const first = Math.floor(Number((address & ((1n << 56n) - 1n)) >> 12n) / 2 ** granule) * 2 ** granule
        const count = Math.max(Math.ceil(bytes / 4096), 1 << granule)
        if (count > MOST_PAGES) this.#tables.forgetBank(bank)
        else this.#tables.forgetPages(bank, first, count)
      }
    }
  }
}

const registersOf = (vcpu: VcpuBlock): TranslationRegisters => ({
  sctlr: vcpu.sysreg(SYSREG.SCTLR_EL1),
  tcr: vcpu.sysreg(SYSREG.TCR_EL1),
  ttbr0: vcpu.sysreg(SYSREG.TTBR0_EL1),
  ttbr1: vcpu.sysreg(SYSREG.TTBR1_EL1),
  mair: vcpu.sysreg(SYSREG.MAIR_EL1),
})
const equal = (a: TranslationRegisters, b: TranslationRegisters): boolean =>
  a.ttbr0 === b.ttbr0 && a.ttbr1 === b.ttbr1 && a.sctlr === b.sctlr && a.tcr === b.tcr && a.mair === b.mair
