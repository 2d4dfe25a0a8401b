// Owns which calls a trace shows: --vcpu and --function. A pattern that can match no function at all is a mistake, and said.
import { globMatcher, isGlob } from '../../arch/catalogue/glob.ts'
import { SnapError } from '../../errors.ts'
import { nearMatches } from '../../near-match.ts'
import { functionNames, type NamedFunction, namedFunction } from './call-words.ts'

export interface TraceFilter {
  /** Only these vCPUs; absent: all. */
  readonly vcpus?: readonly number[]
  /** Globs over names (`CPU_*`), or ids (`0x84000003`); absent: all functions. */
  readonly functions?: readonly string[]
}

export interface CompiledFilter {
  /** The start of a vCPU belongs to the CPU_ON that caused it. */
  start(index: number): boolean
  call(index: number, id: number, named: NamedFunction): boolean
}

/** Longer than any useful pattern over names. */
const LONGEST = 128
const CPU_ON = 0xc400_0003
const ID = /^0x[0-9a-f]{1,8}$/i

/** Throws USAGE for a pattern that no function can match. */
export function compileFilter({ vcpus, functions }: TraceFilter): CompiledFilter {
  const matchers = functions?.map(functionMatcher)
  const vcpu = (index: number): boolean => vcpus === undefined || vcpus.includes(index)
  const call = (index: number, id: number, { name }: NamedFunction): boolean =>
    vcpu(index) && (matchers === undefined || matchers.some(matches => matches(id, name)))
  return { call, start: index => call(index, CPU_ON, namedFunction(CPU_ON)) }
}

function functionMatcher(pattern: string): (id: number, name: string) => boolean {
  const text = pattern.trim()
  if (ID.test(text)) {
    // Every form of a function is that function, as everywhere else in a trace.
    const { name } = namedFunction(Number(text))
    return (id, of) => id === Number(text) || of === name
  }
  const matches = globMatcher(text)
  if (text === '' || text.length > LONGEST || !functionNames().some(matches)) throw unknownFunction(text)
  return (_id, name) => matches(name)
}

function unknownFunction(text: string): SnapError {
  const near = isGlob(text) ? [] : nearMatches(text.toUpperCase(), functionNames())
  return new SnapError(
    'USAGE',
    `no function is called "${text.slice(0, 60)}"`,
    {},
    {
      hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'a function is a name such as CPU_ON, a glob such as PSCI_*, or an id such as 0x84000003',
    },
  )
}
