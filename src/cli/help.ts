// Owns the text of --help, for one command, a topic and all. Loads the commands it describes, so it stands off the path of every other start.
import type { Command, Interfaces } from '@oclif/core'
import { CommandHelp } from '@oclif/core/help'
import { CONFIG, type CommandTable } from './run-cli.ts'

const SUMMARY = 'Save, restore, inspect, check, migrate and edit the firmware-visible state of arm64 guests.'
const DEFAULT_WIDTH = 100

/** Help about a command or topic id, or the list of everything. Ends with a newline. */
export async function helpText(
  table: CommandTable,
  about: string | undefined,
  { columns, color }: { columns: number | undefined; color: boolean },
): Promise<string> {
  if (about !== undefined && about in table.commands) return commandHelp(table, about, columns ?? DEFAULT_WIDTH, color)
  const ids = Object.keys(table.commands).filter(id => about === undefined || id.startsWith(`${about}:`))
  const rows = await Promise.all(ids.map(async id => [id.replaceAll(':', ' '), (await table.commands[id]!()).default.summary ?? ''] as const))
  const width = Math.max(...rows.map(([id]) => id.length))
  const spoken = about === undefined ? '' : ` ${about.replaceAll(':', ' ')}`
  return [
    about === undefined ? SUMMARY : table.topics[about],
    '',
    'USAGE',
    `  $ psci-snap${spoken} COMMAND`,
    '',
    'COMMANDS',
    ...rows.map(([id, summary]) => `  ${id.padEnd(width)}  ${summary}`),
    '',
    `\`psci-snap${spoken} COMMAND --help\` explains one. Exit statuses: docs/exit-codes.md.`,
    '',
  ].join('\n')
}

async function commandHelp(table: CommandTable, id: string, columns: number, color: boolean): Promise<string> {
  const { default: Class } = await table.commands[id]!()
  const { summary, description, args, flags, baseFlags, examples, usage } = Class
  const json = { type: 'boolean', name: 'json', summary: 'print one JSON object (JSON lines where results stream)', helpGroup: 'GLOBAL' }
  const view = {
    id: id.replaceAll(':', ' '),
    summary,
    description,
    args: named(args),
    flags: named({ ...baseFlags, json, ...flags }),
    examples,
    usage,
    aliases: [],
    hiddenAliases: [],
  }
  const help = new CommandHelp(view as unknown as Command.Loadable, CONFIG, { maxWidth: Math.min(columns, 120), stripAnsi: !color } as Interfaces.HelpOptions)
  return `${summary ?? ''}\n\n${help.generate()}\n`
}

/** Copies, because the help generator writes names into what it is given. */
function named(definitions: object | undefined): Record<string, object> {
  return Object.fromEntries(Object.entries(definitions ?? {}).map(([name, definition]) => [name, { ...(definition as object), name }]))
}
