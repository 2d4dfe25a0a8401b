// Owns docs/lints.md: the known-bad patterns that `verify` finds, from src/model/lints/table.ts.
import { LINTS } from '../../src/model/lints/table.ts'

export function lintsPage(): string {
  const rows = LINTS.map(({ code, severity, title }) => `| [\`${code}\`](#${code}) | ${severity} | ${title} |`)
  const sections = LINTS.map(
    ({ code, title, reason, remedy, reports }) => `## ${code}

${title[0]?.toUpperCase()}${title.slice(1)}.

${reason}

What to do: ${remedy}.

Reported: ${reports.map(({ text, url }) => `[${text}](${url})`).join('; ')}.
`,
  )
  return `# Known-bad patterns in snapshots

What \`psci-snap verify\` looks for beside integrity. Made from \`src/model/lints/table.ts\` by \`npm run docs\`; do not edit. Codes are stable: they stand
in \`findings[].code\` under \`--json\`. An \`error\` makes a file not valid (exit status 3); a \`warning\` does not.

| code | severity | means |
|---|---|---|
${rows.join('\n')}

${sections.join('\n')}`
}
