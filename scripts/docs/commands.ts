// Owns docs/commands.md: the help of every command, exactly as --help prints it.
import { helpText } from '../../src/cli/help.ts'
import { TABLE } from '../../src/commands/table.ts'

export async function commandsPage(): Promise<string> {
  const width = { columns: 100, color: false }
  const ids = Object.keys(TABLE.commands)
  const sections = await Promise.all(ids.map(async id => `## psci-snap ${id.replaceAll(':', ' ')}\n\n${fenced(await helpText(TABLE, id, width))}`))
  return `# Command reference

What \`psci-snap COMMAND --help\` prints. Exit statuses are in [exit-codes.md](exit-codes.md).

${fenced(await helpText(TABLE, undefined, width))}
${sections.join('\n')}`
}

const fenced = (text: string): string => `\`\`\`text\n${text.replace(/[ \t]+$/gm, '').trim()}\n\`\`\`\n`
