// Every command, argument and flag in one golden file, so that none changes by accident: a rename is breaking (CONTRIBUTING.md).
import { expect, test } from 'vitest'
import { TABLE } from '../../src/commands/table.ts'

test('the command line offers what it offered', async () => {
  const lines = await Promise.all(
    Object.entries(TABLE.commands).map(async ([id, load]) => {
      const { args, flags, baseFlags } = (await load()).default
      const words = Object.entries(args ?? {}).map(([name, arg]) => (arg.required ? name.toUpperCase() : `[${name.toUpperCase()}]`) + (arg.multiple ? '…' : ''))
      const options = Object.entries({ json: { type: 'boolean' }, ...baseFlags, ...flags } as Record<string, Flag>).map(([name, flag]) => shape(name, flag))
      return [`${id.replaceAll(':', ' ')} ${words.join(' ')}`.trim(), ...options.sort().map(option => `  ${option}`)].join('\n')
    }),
  )
  await expect(`${lines.sort().join('\n')}\n`).toMatchFileSnapshot('surface.snap')
})

interface Flag {
  readonly type: string
  readonly char?: string
  readonly required?: boolean
  readonly multiple?: boolean
  readonly options?: readonly string[]
  readonly default?: unknown
}

function shape(name: string, { type, char, required, multiple, options, default: initial }: Flag): string {
  const value = type === 'boolean' ? '' : `=${options?.join('|') ?? '…'}`
  const standard = ['string', 'number'].includes(typeof initial) ? `default ${initial}` : ''
  return [`--${name}${value}`, char === undefined ? '' : `-${char}`, required ? 'required' : '', multiple ? 'repeatable' : '', standard]
    .filter(part => part !== '')
    .join('  ')
}
