// Owns the one rule by which text that came from a file reaches a terminal: no control character passes. Knows no report.

// C0 and C1 controls with DEL, and the characters that reorder or hide text: a name must not be able to rewrite the line it stands on.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this file is about
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** The text with every control character written out as `\x1b` or `\u202e`, so that it is seen and never obeyed. Newline and tab too. */
export function terminalText(text: string): string {
  return text.replace(UNSAFE, char => {
    const code = char.charCodeAt(0)
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** The same for text of several lines: newlines and tabs stay. */
export function terminalLines(text: string): string {
  return text
    .split('\n')
    .map(line => line.split('\t').map(terminalText).join('\t'))
    .join('\n')
}
