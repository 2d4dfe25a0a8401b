// table of what it means that one host lists registers which another does not, in words: first row that fits a register. Registers of firmware
// bitmaps and cache selectors are told by rule-words.ts. Every register that two built-in hosts can differ in has a row (a test asks for it).
import { registerName } from '../../arch/catalogue/catalogue.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { compileSelector, type Selector } from '../../arch/selector.ts'
import { listed } from './notice.ts'

export interface RegisterWords {
  readonly registers: Selector
  readonly code: string
  /** `{has}` lists them, `{lacks}` does not; `{names}` and `{n}` are the registers. Absent: said elsewhere. */
  readonly text?: string
  readonly source: string
}

export const REGISTER_WORDS: readonly RegisterWords[] = [
  { registers: { classes: ['firmware-bitmap', 'firmware'] }, code: 'firmware-registers', source: 'rule-words.ts says it' },
  {
    registers: { classes: ['demux'] },
    code: 'cache-selectors-listed',
    text: '{has} lists {n} cache selectors that {lacks} does not ({names}); written to {lacks} they are ENOENT',
    source: 'recordings: regs',
  },
  {
    registers: { names: ['KVM_REG_ARM_PTIMER_*'] },
    code: 'physical-timer-saved',
    text: 'the physical timer can be saved and restored on {has} ({names}); on {lacks} a guest that waits for it never hears of it after a move',
    source: 'recordings: regs; Linux Documentation/virt/kvm/api.rst',
  },
  {
    registers: { names: ['OSLSR_EL1'] },
    code: 'os-lock-saved',
    text: 'the state of the OS lock can be saved and restored on {has} (OSLSR_EL1); {lacks} has no register for it',
    source: 'recordings: regs',
  },
  {
    registers: { names: ['TCR2_EL1', 'PIR_EL1', 'PIRE0_EL1'] },
    code: 'translation-registers-listed',
    text: '{has} lists {names}, whether or not its CPU has the feature behind them; {lacks} refuses them with ENOENT, and a guest without FEAT_TCR2 and FEAT_S1PIE loses nothing without them',
    source: 'recordings: regs of 6.12 and 6.16 on cortex-a72; Linux 0fcb4eea5345, a68cddbe47ef',
  },
  {
    registers: { names: ['SCTLR2_EL1', 'FPMR', 'POR_EL1', 'POR_EL0'] },
    code: 'gated-registers-listed',
    text: '{has} lists {names}, because it announces the feature in the ID registers; {lacks} does not announce it and refuses them with ENOENT',
    source: 'recordings: regs on max',
  },
  {
    registers: { names: ['PMMIR_EL1'] },
    code: 'pmmir-saved',
    text: '{has} lists PMMIR_EL1 with a PMU; {lacks} refuses it with ENOENT, which loses nothing while it is 0',
    source: 'recordings: regs with pmu_v3',
  },
  {
    registers: { groups: ['pmu'] },
    code: 'pmu-registers-listed',
    text: '{has} lists {n} PMU registers with these vCPU features; {lacks} refuses every one with ENOENT',
    source: 'recordings: regs; Linux 11663111cd49',
  },
  {
    registers: { groups: ['pauth'] },
    code: 'pauth-keys-listed',
    text: '{has} lists the keys of pointer authentication; {lacks} has none',
    source: 'recordings: regs',
  },
  {
    registers: { classes: ['sve'] },
    code: 'sve-registers-listed',
    text: '{has} lists {n} SVE registers; {lacks} has none',
    source: 'recordings: regs with sve',
  },
  {
    registers: { names: ['ZCR_EL1'] },
    code: 'sve-registers-listed',
    text: '{has} lists ZCR_EL1; {lacks} does not',
    source: 'recordings: regs with sve',
  },
  {
    registers: { groups: ['el2'] },
    code: 'el2-registers-listed',
    text: "{has} lists {n} registers of the guest's own hypervisor; {lacks} refuses them with ENOENT",
    source: 'recordings: regs with has_el2',
  },
]

const compiled = REGISTER_WORDS.map(row => ({ row, isMeant: undefined as ((id: RegId) => boolean) | undefined }))

/** The row for a register; undefined for one that nobody has put into words. */
export const registerWords = (id: RegId): RegisterWords | undefined =>
  compiled.find(each => {
    each.isMeant ??= compileSelector(each.row.registers)
    return each.isMeant(id)
  })?.row

/** Sentences for the registers that only `has` lists, those of a row together, with their code and source. */
export function listedOnly(
  ids: readonly RegId[],
  has: string,
  lacks: string,
): readonly { readonly code: string; readonly message: string; readonly source: string }[] {
  const groups = new Map<RegisterWords | undefined, RegId[]>()
  for (const id of ids) {
    const row = registerWords(id)
    groups.set(row, [...(groups.get(row) ?? []), id])
  }
  return [...groups].flatMap(([row, members]) => {
    const names = listed(members.map(registerName), 4)
    if (!row)
      return [
        {
          code: 'registers-listed',
          message: `${has} lists ${names}; ${lacks} refuses ${members.length === 1 ? 'it' : 'them'} with ENOENT`,
          source: 'both builds',
        },
      ]
    if (row.text === undefined) return []
    const text = row.text.replaceAll('{has}', has).replaceAll('{lacks}', lacks).replaceAll('{names}', names).replaceAll('{n}', String(members.length))
    return [{ code: row.code, message: text, source: row.source }]
  })
}
