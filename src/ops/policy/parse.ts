// Owns the policy file: YAML (of which JSON is a part) to a checked Policy. A stranger's file: no aliases, anchors or tags, no unknown keys, every
// fault with its line. Imported only when there is a policy. No file I/O.
import { type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml'
import { z } from 'zod'
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { isGlob } from '../../arch/catalogue/glob.ts'
import { findRegister, parseRegister } from '../../arch/catalogue/parse.ts'
import { findBuild } from '../../builds/load.ts'
import { SnapError } from '../../errors.ts'
import { type Acceptance, type Policy, REFUSED } from './policy.ts'

/** Characters. */
export const MOST_POLICY = 1 << 20
const MOST_ENTRIES = 10_000

const words = (most: number) => z.string().trim().min(1).max(most)
const pattern = words(256).optional()
const acceptance = z.strictObject({
  code: z.string().regex(/^[a-z][a-z0-9-]{0,79}$/, 'a code of a finding, as `check --json` prints it'),
  register: pattern,
  build: pattern,
  from: pattern,
  reason: words(1000),
  until: z.string().refine(isDay, 'a day as 2027-03-31'),
})
// Every scalar is read as text: `0x6030000000140000` must not become a number on the way.
const policyFile = z.strictObject({ version: z.literal('1'), accept: z.array(acceptance).max(MOST_ENTRIES) })

type Path = readonly PropertyKey[]

/** Throws POLICY_INVALID with line and column of the first fault. `file` is for messages. */
export function parsePolicy(text: string, file: string): Policy {
  if (text.length > MOST_POLICY) throw invalid(file, '', `longer than a policy can be (${MOST_POLICY} characters)`)
  const lines = new LineCounter()
  const at = (offset: number | undefined): string => {
    if (offset === undefined) return ''
    const { line, col } = lines.linePos(offset)
    return `:${line}:${col}`
  }
  const document = readDocument(text, file, lines, at)
  const checked = policyFile.safeParse(document.toJS())
  const offsetOf = (path: Path): number | undefined => nodeAt(document, path)?.range?.[0]
  if (!checked.success) {
    // A key that is misspelt is missing too; the misspelling explains it.
    const { issues } = checked.error
    const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]
    const path: Path = issue?.path ?? []
    const extra = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined
    const say = extra === undefined ? `${showPath(path)}${messageOf(issue)}` : `${showPath(path)}unknown key "${extra.slice(0, 40)}"`
    throw invalid(file, at(extra === undefined ? offsetOf(path) : keyOffset(document, path, extra)), say)
  }
  const accept = checked.data.accept.map((entry, index): Acceptance => {
    try {
      return completed(entry)
    } catch (error) {
      if (!(error instanceof SnapError)) throw error
      throw invalid(file, at(offsetOf(['accept', index, 'register']) ?? offsetOf(['accept', index])), `accept[${index}]: ${error.message}`)
    }
  })
  return { file, accept }
}

/** The document with nothing in it but maps, lists and plain text. */
function readDocument(text: string, file: string, lines: LineCounter, at: (offset: number | undefined) => string): Document {
  let document: Document
  try {
    // Duplicate keys are found below in linear time, not by the parser in quadratic time.
    document = parseDocument(text, { schema: 'failsafe', version: '1.2', lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: false })
  } catch (error) {
    if (error instanceof RangeError) throw invalid(file, '', 'nested too deep')
    throw error
  }
  const [broken] = document.errors
  if (broken) throw invalid(file, at(broken.pos[0]), `not YAML: ${broken.message}`)
  const refuse = (node: { readonly range?: Node['range'] }, what: string): never => {
    throw invalid(file, at(node.range?.[0]), what)
  }
  visit(document, {
    Alias: (_, node) => refuse(node, 'a policy has no aliases'),
    Node: (_, node) => {
      if (node.tag !== undefined) refuse(node, 'a policy has no tags')
      if ('anchor' in node && node.anchor !== undefined) refuse(node, 'a policy has no anchors')
    },
    Map: (_, map) => {
      const seen = new Set<unknown>()
      for (const { key } of map.items) {
        if (!isScalar(key)) return refuse(map, 'a key is a plain word')
        if (seen.has(key.value)) return refuse(key, `the key "${String(key.value).slice(0, 40)}" stands twice`)
        seen.add(key.value)
      }
    },
  })
  return document
}

/** An entry with the register's and builds' full names. Throws for a register that nobody knows, and for a refusal without one. */
function completed({ code, register, build, from, reason, until }: z.infer<typeof acceptance>): Acceptance {
  // A name wins over a glob, as everywhere: CCSIDR_EL1[0] is a register.
  const known = register === undefined ? undefined : findRegister(register)
  const isPattern = register !== undefined && known === undefined && isGlob(register)
  if (code === REFUSED && (register === undefined || isPattern)) throw new SnapError('USAGE', `${REFUSED} is accepted for one register at a time: name it`)
  return {
    code,
    reason,
    until,
    ...(register === undefined ? {} : { register: isPattern ? register : registerName(known ?? parseRegister(register)) }),
    ...(build === undefined ? {} : { build: findBuild(build)?.name ?? build }),
    ...(from === undefined ? {} : { from: findBuild(from)?.name ?? from }),
  }
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const day = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text)
}

const showPath = (path: Path): string =>
  path.length === 0
    ? ''
    : `${path
        .map(part => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
        .join('')
        .replace(/^\./, '')}: `

function messageOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'invalid_type' && issue.input === undefined && issue.expected === 'string') return 'missing, or not a text'
  return issue?.message ?? 'not a policy'
}

function nodeAt(document: Document, path: Path): Node | undefined {
  // The deepest part that is there: what is missing has no place of its own.
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (node !== null && typeof node === 'object') return node as Node
  }
  return undefined
}

function keyOffset(document: Document, path: Path, key: string): number | undefined {
  const map = nodeAt(document, path)
  const pair = isMap(map) ? map.items.find(item => isPair(item) && isScalar(item.key) && item.key.value === key) : undefined
  return pair && isScalar(pair.key) ? pair.key.range?.[0] : undefined
}

const invalid = (file: string, where: string, what: string): SnapError => new SnapError('POLICY_INVALID', `${file}${where}: ${what}`, { file })
