// Owns aligned plain-text columns. Knows nothing of what is in them; width is counted in code points.

export interface Column {
  readonly head?: string
  readonly align?: 'left' | 'right'
}

/** Lines with aligned cells, two spaces between columns, no trailing blanks; a heading line when any column has one. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], indent = ''): string[] {
  const heads = columns.map(column => column.head ?? '')
  const all = heads.some(head => head !== '') ? [heads, ...rows] : rows
  const widths = columns.map((_, i) => Math.max(0, ...all.map(row => width(row[i] ?? ''))))
  return all.map(row => (indent + columns.map((column, i) => pad(row[i] ?? '', widths[i] ?? 0, column.align)).join('  ')).trimEnd())
}

/** `1 register`, `2 registers`. */
export const count = (n: number, noun: string, plural = `${noun}s`): string => `${n} ${n === 1 ? noun : plural}`

/** Bytes in the largest binary unit that leaves a short number: `512 B`, `64 KiB`, `1.5 GiB`. */
export function byteSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`
}

/** Breaks prose at blanks into lines of at most `columns`, the later ones indented. */
export function wrap(text: string, columns: number, indent = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > columns) {
      lines.push(line)
      line = indent + word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const width = (text: string): number => [...text].length
const pad = (text: string, to: number, align: Column['align'] = 'left'): string => {
  const fill = ' '.repeat(Math.max(0, to - width(text)))
  return align === 'right' ? fill + text : text + fill
}
