// Owns what a renderer may know about where its text goes: the width and the colours. Knows no report and no stream.

/** Paints text for a terminal; for a file every function returns its argument. */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly warn: (text: string) => string
  readonly bad: (text: string) => string
}

/** Where a report will be read. `columns` is undefined when lines may have any length. */
export interface Page {
  readonly columns: number | undefined
  readonly style: Style
}

const plain = (text: string): string => text
const sgr =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001b[${on}m${text}\u001b[${off}m`

export const PLAIN_STYLE: Style = { bold: plain, dim: plain, good: plain, warn: plain, bad: plain }
export const COLOR_STYLE: Style = { bold: sgr(1, 22), dim: sgr(2, 22), good: sgr(32, 39), warn: sgr(33, 39), bad: sgr(31, 39) }
