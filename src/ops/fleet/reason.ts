// Owns a reason in one short line that many results share: without what is peculiar to one file or one host. Reads texts of ops/check; decides nothing.

const LONGEST = 1000

/** For one host among several: its name is `this host`, and only the first of several refusals is told. */
export function shortReason(reason: string, build: string): string {
  const [kernel = build] = build.split('/', 1)
  return withoutName(withoutName(reason.slice(0, LONGEST), build), kernel).replace(/; \d+ more registers? (?:is|are) refused(?:, [^;]*)?$/, '')
}

/** A build file may be called anything, also a word: only what looks like a name is one. */
function withoutName(text: string, name: string): string {
  if (!/\d/.test(name) || name.length < 3) return text
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return text.replace(new RegExp(`(?<![\\w./-])${escaped}(?![\\w/-]|\\.\\d)`, 'g'), 'this host')
}

/** For sums over many files: also without long numbers (addresses, counters, keys) and the numbers of vCPUs. */
export function generalReason(reason: string, build: string): string {
  return shortReason(reason, build)
    .replace(/\b0x[0-9a-f]{9,}\b/gi, '0x…')
    .replace(/\bb[0-9a-f]{16,}\b/g, 'b…')
    .replace(/ and \d+ more\b/g, ' and more')
    .replace(/\bvCPUs? \d+(?:(?:,| and)? \d+)*\b/g, 'some vCPUs')
}
