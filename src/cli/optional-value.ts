// Owns flags whose value may be left out (`--registers`, `--registers 'ID_*'`), which oclif's parser does not have. Knows no command.

/**
 * The words with `fallback` put behind `flag` where its value is left out: at the end, before another flag, or where the next word must be one
 * of the `needed` arguments because too few would remain.
 */
export function withOptionalValue(argv: readonly string[], flag: string, fallback: string, needed: number, valued: ReadonlySet<string>): string[] {
  const at = argv.indexOf(flag)
  if (at < 0) return [...argv]
  const next = argv[at + 1]
  const isLeftOut =
    next === undefined || (next.startsWith('-') && next !== '-') || countArguments([...argv.slice(0, at), ...argv.slice(at + 2)], valued) < needed
  return isLeftOut ? [...argv.slice(0, at), `${flag}=${fallback}`, ...argv.slice(at + 1)] : [...argv]
}

/** Words that are neither flags nor the values of `valued` flags. */
function countArguments(argv: readonly string[], valued: ReadonlySet<string>): number {
  let count = 0
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!
    if (valued.has(word)) at++
    else if (!word.startsWith('-') || word === '-') count++
  }
  return count
}
