// Owns the step from facts to committed tables: ../shared/facts/{sysregs,idregs}.json become two compact strings under src/arch.
// Run it where ../shared exists: npx tsx scripts/arch/generate-register-tables.ts [--check]. Knows JSON in and text out, no meaning of any register.
import { readFileSync, writeFileSync } from 'node:fs'

interface SysRegFact {
  readonly id: string
  readonly name: string
  readonly op0: number
  readonly encoding: string
  readonly userVisible: boolean
  readonly firstRelease: string | null
  readonly visibility: string
  readonly write: string
}
interface FieldFact {
  readonly name: string
  readonly msb: number
  readonly lsb: number
  readonly sign?: string
  readonly values?: Readonly<Record<string, string>>
}
interface IdRegFact {
  readonly encoding: string
  readonly fields: readonly FieldFact[]
  readonly fieldsOf?: string
}
interface IdRegFacts {
  readonly registers: Readonly<Record<string, IdRegFact>>
  readonly other: Readonly<Record<string, IdRegFact>>
  readonly fieldSets: Readonly<Record<string, { readonly fields: readonly FieldFact[] }>>
}

/** The visibility texts of sysregs.json, each with the letter that stands for it in the table; src/arch/catalogue/system.ts says them in words. */
const LISTED: Readonly<Record<string, string>> = {
  always: 'a',
  'always (ID_AA64ZFR0_EL1 RAZ without SVE)': 'a',
  'always; RAZ + write-ignored when host has no AArch32 EL0 (since 6.1)': 'b',
  'always; RAZ, only 0 may be written': 'z',
  'vcpu feature PMU_V3 (hidden otherwise; before 5.11 always listed)': 'p',
  'vcpu feature SVE': 's',
  'vcpu features PTRAUTH_ADDRESS+PTRAUTH_GENERIC': 'k',
  'KVM_CAP_ARM_MTE enabled on the VM': 'm',
  'ID_AA64MMFR3_EL1.TCRX': 't',
  'ID_AA64MMFR3_EL1.S1PIE': 'i',
  'ID_AA64MMFR3_EL1.S1POE': 'o',
  'ID_AA64MMFR3_EL1.SCTLRX': 'x',
  'ID_AA64PFR2_EL1.FPMR': 'f',
  'ID_AA64PFR1_EL1.SME (never set for guests up to 7.3)': 'n',
  'vcpu feature HAS_EL2 (usable from 6.16)': 'E',
  'HAS_EL2 and SCTLRX': 'X',
  'HAS_EL2 and FGT': 'F',
  'HAS_EL2 and FGT2': 'G',
  'HAS_EL2 and SVE': 'S',
  'HAS_EL2 and ID_AA64MMFR4_EL1.NV_frac>=NV3': 'N',
  'HAS_EL2 and TCRX': 'T',
  'HAS_EL2 and NV2 for the guest': 'V',
  'HAS_EL2 and S1PIE': 'I',
  'HAS_EL2 and S1POE': 'O',
  'HAS_EL2 and not E2H0': 'H',
}

/** Likewise for the write rules. */
const WRITE: Readonly<Record<string, string>> = {
  rw: 'w',
  'idreg: writable fields in mask, safe values only, before first run': 'i',
  'idreg: same-value only (EINVAL otherwise)': 'e',
  'raz: only 0 accepted': 'z',
  'invariant until 6.14; from 6.15 writable within mask iff KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, else same-value only': 'm',
  'only OSLK bit may change': 'o',
  'RAZ/WI': 'r',
  'rw; N sets PMC count before first run (6.7+, ignored if unsupported/NV/strict)': 'n',
  'SLOTS only: 0 or current value; EBUSY after run': 'l',
}

function letterOf(table: Readonly<Record<string, string>>, text: string, name: string): string {
  const letter = table[text]
  if (letter === undefined) throw new Error(`${name}: no letter for "${text}"`)
  return letter
}

const encodingOf = (hex: string) => Number.parseInt(hex, 16)
/** The kernel's tables spell pointer-authentication keys in capitals; the Arm manual writes APIAKeyLo_EL1. Unnamed slots have no name to give. */
function armName(name: string): string | undefined {
  if (/^S\d_\d+_\d+_\d+_\d+$/.test(name)) return undefined
  return name.replace(/^AP(IA|IB|DA|DB|GA)KEY(LO|HI)_/, (_, key: string, half: string) => `AP${key}Key${half === 'LO' ? 'Lo' : 'Hi'}_`)
}

/** One line per encoding: `ENC NAME` or, for what KVM lists, `ENC NAME LISTED WRITE SINCE`. `-` is an unnamed slot or "since before 4.17". */
export function systemRegisterLines(sysregs: readonly SysRegFact[], idregs: IdRegFacts): readonly string[] {
  const names = new Map<number, string>()
  const kvm = new Map<number, string>()
  for (const fact of sysregs) {
    if (fact.op0 < 2) continue // op0 1 holds cache-maintenance instructions, which no register id can name
    const encoding = encodingOf(fact.encoding)
    const name = armName(fact.name)
    if (name !== undefined) names.set(encoding, name)
    // the architectural encoding stands here; the two timer ids that KVM swaps are rows of src/arch/catalogue/timers.ts
    if (!fact.userVisible || /^CNT[PV](CT|_CTL|_CVAL)_EL0$/.test(fact.name)) continue
    const since = fact.firstRelease === null || fact.firstRelease === '<=4.17' ? '-' : fact.firstRelease
    kvm.set(encoding, `${letterOf(LISTED, fact.visibility, fact.name)} ${letterOf(WRITE, fact.write, fact.name)} ${since}`)
  }
  for (const [name, fact] of [...Object.entries(idregs.registers), ...Object.entries(idregs.other)]) names.set(encodingOf(fact.encoding), name)
  const encodings = [...new Set([...names.keys(), ...kvm.keys()])].sort((a, b) => a - b)
  return encodings.map(encoding => [encoding.toString(16), names.get(encoding) ?? '-', kvm.get(encoding)].filter(part => part !== undefined).join(' '))
}

const SIGN: Readonly<Record<string, string>> = { unsigned: 'u', signed: 's', none: 'e' }

/** `NAME:MSB-LSB` + sign letter + `=` value names by number; a run starts again at `N:`. */
function fieldText(field: FieldFact): string {
  const bits = field.msb === field.lsb ? `${field.msb}` : `${field.msb}-${field.lsb}`
  const sign = field.sign === undefined ? '' : (SIGN[field.sign] ?? '')
  if (field.values === undefined) return `${field.name}:${bits}${sign}`
  let next = 0
  const values = Object.entries(field.values)
    .map(([number, name]) => [Number(number), name] as const)
    .sort((a, b) => a[0] - b[0])
    .map(([number, name]) => {
      if (/[,;:=\s]/.test(name)) throw new Error(`${field.name}: value name "${name}" needs escaping`)
      const text = number === next ? name : `${number}:${name}`
      next = number + 1
      return text
    })
  return `${field.name}:${bits}${sign}=${values.join(',')}`
}

/** ICH_VMCR_EL2 has one layout for GICv3 and another for GICv5 in the kernel's table; the first one stands. */
function firstLayout(fields: readonly FieldFact[]): readonly FieldFact[] {
  const restart = fields.findIndex((field, i) => i > 0 && field.msb >= (fields[i - 1]?.lsb ?? 64))
  return restart < 0 ? fields : fields.slice(0, restart)
}

/** One line per register, `ENC field;field;…`; `ENC @KEY` borrows the line of another register or of a field set. */
export function fieldLines(idregs: IdRegFacts): readonly string[] {
  const all = { ...idregs.other, ...idregs.registers }
  const sets = Object.entries(idregs.fieldSets).map(([name, set]) => `@${name} ${set.fields.map(fieldText).join(';')}`)
  const registers = Object.entries(all)
    .sort((a, b) => encodingOf(a[1].encoding) - encodingOf(b[1].encoding))
    .flatMap(([name, fact]) => {
      const key = encodingOf(fact.encoding).toString(16)
      if (fact.fields.length > 0) return [`${key} ${firstLayout(fact.fields).map(fieldText).join(';')}`]
      if (fact.fieldsOf !== undefined && fact.fieldsOf in idregs.fieldSets) return [`${key} @${fact.fieldsOf}`]
      // accessors of another register: _EL12 reaches the EL1 register from EL2, …ALIAS_EL1 is the same register unmasked
      const twin = all[name.replace(/(ALIAS)?_EL1[2]?$/, '_EL1')]
      return twin !== undefined && (twin.fields.length > 0 || twin.fieldsOf !== undefined) && twin !== fact
        ? [`${key} @${encodingOf(twin.encoding).toString(16)}`]
        : []
    })
  return [...sets, ...registers]
}

const file = (what: string, constant: string, lines: readonly string[]) =>
  `// table generated by scripts/arch/generate-register-tables.ts; do not edit. ${what}\nexport const ${constant} = \`\n${lines.join('\n')}\n\`\n`

/** Path (relative to the repository) and text of every generated file. */
export function generatedTables(factsDirectory: string): readonly (readonly [string, string])[] {
  const sysregs = JSON.parse(readFileSync(`${factsDirectory}/sysregs.json`, 'utf8')) as { readonly registers: readonly SysRegFact[] }
  const idregs = JSON.parse(readFileSync(`${factsDirectory}/idregs.json`, 'utf8')) as IdRegFacts
  return [
    [
      'src/arch/catalogue/data/system-registers.ts',
      file(
        'Encoding, name and, for what KVM lists, when it does, how it may be written and since which release. Facts of Linux 5.10.13 to 7.3.4.',
        'SYSTEM_REGISTERS',
        systemRegisterLines(sysregs.registers, idregs),
      ),
    ],
    [
      'src/arch/fields/data/system-register-fields.ts',
      file('Fields of system registers: name:bits, sign, value names. Facts of Linux 7.3.4.', 'SYSTEM_REGISTER_FIELDS', fieldLines(idregs)),
    ],
  ]
}

if (process.argv[1]?.endsWith('generate-register-tables.ts')) {
  for (const [path, text] of generatedTables('../shared/facts')) {
    if (!process.argv.includes('--check')) writeFileSync(path, text)
    else if (readFileSync(path, 'utf8') !== text) {
      process.stderr.write(`${path} is stale: run npx tsx scripts/arch/generate-register-tables.ts\n`)
      process.exitCode = 3
    }
  }
}
