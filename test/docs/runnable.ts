// Owns how examples are found in prose: fenced blocks whose info string ends in `run`.
//
//   ```sh run            lines that start with `$ ` are commands, run in order in one folder per page, with psci-snap on the PATH;
//                        lines after a command are its standard output, where a line of only … stands for any lines and … within a line for
//                        anything; no lines: the output is not compared. A command ends with 0 unless it says `# exit N`.
//   ```ts run            a program that imports 'psci-snap', type-checked and run in the same folder.

export interface ShellStep {
  readonly line: number
  readonly command: string
  readonly status: number
  readonly expected: string | undefined
}

export interface RunnableBlock {
  readonly language: 'sh' | 'ts'
  /** Line of the page on which the block's first line stands, from 1. */
  readonly line: number
  readonly text: string
}

export function runnableBlocks(page: string): RunnableBlock[] {
  const blocks: RunnableBlock[] = []
  const lines = page.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const opening = /^```(sh|ts) run$/.exec(lines[at]!)
    if (opening === null) continue
    const end = lines.indexOf('```', at + 1)
    if (end === -1) throw new Error(`line ${at + 1}: a block that is not closed`)
    blocks.push({ language: opening[1] as 'sh' | 'ts', line: at + 2, text: lines.slice(at + 1, end).join('\n') })
    at = end
  }
  return blocks
}

export function shellSteps({ text, line }: RunnableBlock): ShellStep[] {
  const steps: ShellStep[] = []
  let output: string[] = []
  const finish = (): void => {
    const last = steps.pop()
    if (last !== undefined) steps.push({ ...last, expected: output.length === 0 ? undefined : output.join('\n') })
    else if (output.some(row => row !== '')) throw new Error(`line ${line}: output before any command`)
    output = []
  }
  text.split('\n').forEach((row, index) => {
    const command = /^\$ (.*?)(?:\s+# exit (\d+))?$/.exec(row)
    if (command === null) output.push(row)
    else {
      finish()
      steps.push({ line: line + index, command: command[1]!, status: Number(command[2] ?? 0), expected: undefined })
    }
  })
  finish()
  return steps
}

/** A pattern for output in which … stands for anything. */
export function outputPattern(expected: string): RegExp {
  const rows = expected.trimEnd().split('\n')
  const source = rows.map(row => (row.trim() === '…' ? '(?:.*\\n)*?' : `${row.split('…').map(escaped).join('.*')}\\n`)).join('')
  return new RegExp(`^${source}$`)
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
