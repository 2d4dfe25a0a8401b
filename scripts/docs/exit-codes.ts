// Owns docs/exit-codes.md: every exit status and every error code, from src/errors.ts.
import { ERROR_CODES } from '../../src/errors.ts'

/** What each status means, and the release that added it. The tidy test of this page fails when a code uses a status that is not here. */
export const EXIT_STATUSES: Readonly<Record<number, { readonly meaning: string; readonly since: string }>> = {
  0: { meaning: 'Done. For a question with a yes and a no: yes (`survives`, valid, equal).', since: '0.1.0' },
  1: { meaning: 'A bug of ours. The message asks you to report it.', since: '0.1.0' },
  2: { meaning: 'Usage: the command line does not make sense. Nothing was done.', since: '0.1.0' },
  3: { meaning: 'The work was done and the answer is no: differs, not valid, `changed`, `refused`.', since: '0.1.0' },
  10: { meaning: 'A file cannot be read or written.', since: '0.1.0' },
  11: { meaning: 'The format of a file is not known, or cannot be written.', since: '0.1.0' },
  12: { meaning: 'A file is corrupt, or declares more than psci-snap is willing to read.', since: '0.1.0' },
  13: { meaning: 'A file was made by a newer psci-snap.', since: '0.1.0' },
  14: { meaning: 'A build is unknown, not valid, or cannot do what was asked.', since: '0.1.0' },
  15: { meaning: 'The back end is not there (no `/dev/kvm`, not on this platform).', since: '0.1.0' },
  16: { meaning: 'The kernel refused a call outside a replay. (Within a replay a refusal is a row of the report.)', since: '0.1.0' },
  130: { meaning: 'Interrupted. No output was left half written.', since: '0.1.0' },
}

export function exitCodesPage(): string {
  const statuses = Object.entries(EXIT_STATUSES).map(([status, { meaning, since }]) => `| ${status} | ${meaning} | ${since} |`)
  const codes = Object.entries({ INTERNAL: { exit: 1, hint: 'report it, with what the same command prints when `PSCI_SNAP_DEBUG=1` is set' }, ...ERROR_CODES })
    .map(([code, { exit, hint }]) => ({ code, exit, hint }))
    .sort((a, b) => a.exit - b.exit)
    .map(({ code, exit, hint }) => `| \`${code}\` | ${exit} | ${hint} |`)
  return `# Exit statuses and error codes

Every command ends with one of these. A status that is not in the table means failure; new ones may be added.
The status is the same with and without \`--json\`. Under \`--json\` an error is \`{"ok":false,"error":{"code","message","hint"?,"at"?}}\` on standard
output, and \`ok\` is true whenever the command did its work, whatever the answer (status 3 included).

| status | means | since |
|---|---|---|
${statuses.join('\n')}

## Error codes

Codes are stable: scripts may rely on them. Messages and hints are for people and may change.

| code | exit | what to do |
|---|---|---|
${codes.join('\n')}
`
}
