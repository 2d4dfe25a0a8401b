// Owns a reason in one short line that many results share: without what is peculiar to one file or one host. Reads texts of ops/check; decides nothing.

const LONGEST = 1000

/** For one host among several: its name is `this host`, and only the first of several refusals is told. */
export function shortReason(reason: string, build: string): string {
  const kernel = build.split('/', 1)[0] ?? build
  return reason
    .slice(0, LONGEST)
    .replaceAll(build, 'this host')
    .replaceAll(kernel === '' ? build : kernel, 'this host')
    .replace(/; \d+ more registers? (?:is|are) refused(?:, [^;]*)?$/, '')
}

/** For sums over many files: also without long numbers (addresses, counters, keys) and the numbers of vCPUs. */
export function generalReason(reason: string, build: string): string {
  return shortReason(reason, build)
    .replace(/\b0x[0-9a-f]{9,}\b/gi, '0x…')
    .replace(/\bb[0-9a-f]{16,}\b/g, 'b…')
    .replace(/\bvCPUs? \d+(?:(?:,| and)? \d+)*\b/g, 'some vCPUs')
}
