// Owns how many registers, fields or vCPUs are said in few words. Knows no register.

/** `CCSIDR_EL1[3]` belongs to the family `CCSIDR_EL1[…]`, `PMEVCNTR30_EL0` to `PMEVCNTR…_EL0`; V0 and X0 likewise. */
const FAMILY = /^(CCSIDR_EL1\[|PMEVCNTR|PMEVTYPER|DBGB[VC]R|DBGW[VC]R|V|X|Z|P|KVM_REG_ARM64_SVE_[ZP]REG\()(\d+)(.*)$/

/** Names in their order, members of one family as a range: `CCSIDR_EL1[1-13]`. */
export const foldNames = (names: readonly string[]): readonly string[] => fold(names).map(({ text }) => text)

function fold(names: readonly string[]): readonly { readonly text: string; readonly members: number }[] {
  const families = new Map<string, { readonly before: string; readonly after: string; readonly numbers: number[] }>()
  for (const name of names) {
    const [, before, digits, after] = FAMILY.exec(name) ?? []
    if (before === undefined || digits === undefined || after === undefined) families.set(name, { before: name, after: '', numbers: [] })
    else {
      const key = `${before}…${after}`
      const family = families.get(key) ?? { before, after, numbers: [] }
      family.numbers.push(Number(digits))
      families.set(key, family)
    }
  }
  return [...families.values()].map(({ before, after, numbers }) =>
    numbers.length === 0 ? { text: before, members: 1 } : { text: `${before}${ranges(numbers)}${after}`, members: new Set(numbers).size },
  )
}

/** `1-4, 7` for 1 2 3 4 7. */
function ranges(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b)
  const parts: [number, number][] = []
  for (const n of sorted) {
    const last = parts.at(-1)
    if (last && n === last[1] + 1) last[1] = n
    else parts.push([n, n])
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',')
}

/** The first few, folded, and how many names more: `TCR2_EL1, PIR_EL1 and 12 more`. */
export function listNames(names: readonly string[], most = 4): string {
  const folded = fold(names)
  const shown = folded
    .slice(0, most)
    .map(({ text }) => text)
    .join(', ')
  const rest = folded.slice(most).reduce((sum, { members }) => sum + members, 0)
  return rest === 0 ? shown : `${shown} and ${rest} more`
}

/** `1 register`, `2 registers`. */
export const plural = (n: number, noun: string, many = `${noun}s`): string => `${n} ${n === 1 ? noun : many}`

/** Empty when all vCPUs are meant, else ` on vCPU 1` or ` on vCPUs 1 3`. */
export const onVcpus = (where: readonly number[], all: number): string =>
  where.length >= all ? '' : ` on vCPU${where.length === 1 ? '' : 's'} ${where.length > 6 ? `${where.slice(0, 6).join(' ')} …` : where.join(' ')}`
