// Owns shell-style patterns over names: * ? [abc] [a-z] [!abc], without regard to case unless asked for. Knows no register.
// A pattern is a stranger's text: matching takes pattern length times name length at worst, there is nothing to backtrack into.

type Token = { readonly kind: 'star' } | { readonly kind: 'any' } | { readonly kind: 'class'; readonly negated: boolean; readonly set: ReadonlySet<string> }
type Piece = Token | { readonly kind: 'char'; readonly char: string }

export const isGlob = (text: string): boolean => /[*?[]/.test(text)

/** `[` … `]` from `at`; undefined when it is never closed and so stands for itself. */
function classAt(text: string, at: number): { readonly piece: Piece; readonly next: number } | undefined {
  const negated = text[at + 1] === '!' || text[at + 1] === '^'
  const first = at + (negated ? 2 : 1)
  const end = text.indexOf(']', first + 1) // a ] that comes first is a member
  if (end < 0) return undefined
  const set = new Set<string>()
  for (let i = first; i < end; i++) {
    const from = text.charCodeAt(i)
    const isRange = text[i + 1] === '-' && i + 2 < end
    const to = isRange ? text.charCodeAt(i + 2) : from
    // names are ASCII; a range that leaves it cannot match more
    for (let code = from; code <= Math.min(to, 0x7f); code++) set.add(String.fromCharCode(code))
    if (isRange) i += 2
  }
  return { piece: { kind: 'class', negated, set }, next: end + 1 }
}

function compile(text: string): readonly Piece[] {
  const pieces: Piece[] = []
  for (let i = 0; i < text.length; ) {
    const char = text[i] ?? ''
    const bracket = char === '[' ? classAt(text, i) : undefined
    if (bracket) {
      pieces.push(bracket.piece)
      i = bracket.next
      continue
    }
    if (char === '*') {
      if (pieces.at(-1)?.kind !== 'star') pieces.push({ kind: 'star' })
    } else pieces.push(char === '?' ? { kind: 'any' } : { kind: 'char', char })
    i++
  }
  return pieces
}

const accepts = (piece: Piece, char: string): boolean =>
  piece.kind === 'char' ? piece.char === char : piece.kind === 'class' ? piece.set.has(char) !== piece.negated : piece.kind === 'any'

/** A function that says whether a name matches the whole pattern. `exactCase` is for names of files; register names have no case. */
export function globMatcher(pattern: string, { exactCase = false } = {}): (name: string) => boolean {
  const folded = (text: string): string => (exactCase ? text : text.toLowerCase())
  const pieces = compile(folded(pattern))
  return name => {
    const text = folded(name)
    let at = 0
    let piece = 0
    // the last star seen and where its text began: on a mismatch that star takes one character more
    let star = -1
    let starAt = 0
    while (at < text.length) {
      const current = pieces[piece]
      if (current?.kind === 'star') {
        star = piece++
        starAt = at
      } else if (current !== undefined && accepts(current, text[at] ?? '')) {
        piece++
        at++
      } else if (star >= 0) {
        piece = star + 1
        at = ++starAt
      } else return false
    }
    while (pieces[piece]?.kind === 'star') piece++
    return piece === pieces.length
  }
}
