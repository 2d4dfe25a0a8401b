// Owns how GNU objdump is asked about instruction words. Knows no decode table.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const OBJDUMP = 'aarch64-linux-gnu-objdump'

/** `2.40`, or undefined when there is no objdump for A64 on this machine. */
export function objdumpVersion(): string | undefined {
  try {
    return /(\d+\.\d+[\d.]*)\s*$/.exec(
      execFileSync(OBJDUMP, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')[0] ?? '',
    )?.[1]
  } catch {
    return undefined
  }
}

/**
 * What objdump prints for each word, the first standing at `address`: one space after the mnemonic, comments removed; undefined where it knows no instruction. Throws when its output is not one line for each word.
 */
export function objdumpWords(words: Uint32Array, address: bigint, aliases: boolean): readonly (string | undefined)[] {
  const folder = mkdtempSync(join(tmpdir(), 'psci-snap-objdump-'))
  try {
    const file = join(folder, 'words.bin')
    const bytes = new DataView(new ArrayBuffer(words.length * 4))
    words.forEach((word, i) => {
      bytes.setUint32(i * 4, word, true)
    })
    writeFileSync(file, new Uint8Array(bytes.buffer))
    const how = ['-D', '-z', '-b', 'binary', '-m', 'aarch64', '-M', aliases ? 'aliases' : 'no-aliases', `--adjust-vma=0x${address.toString(16)}`]
    const output = execFileSync(OBJDUMP, [...how, file], { encoding: 'utf8', maxBuffer: 1 << 30 })
    return parse(output, words)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Every word with op0 = 0 that objdump has no instruction for is printed as a move of a register S0_…, which the architecture does not have: its way of saying undefined there. */
const NOTHING = /^(\.inst|msr s0_|mrs x\w+, s0_)/

function parse(output: string, words: Uint32Array): readonly (string | undefined)[] {
  const texts: (string | undefined)[] = []
  for (const line of output.split('\n')) {
    const [, hex, mnemonic, operands = ''] = line.split('\t')
    if (mnemonic === undefined || hex === undefined) continue
    if (Number.parseInt(hex, 16) !== words[texts.length]) throw new Error(`objdump skipped a word before "${line}"`)
    const text = `${mnemonic} ${operands}`.replace(/\s*\/\/.*/, '').trim()
    texts.push(NOTHING.test(text) ? undefined : text)
  }
  if (texts.length !== words.length) throw new Error(`objdump printed ${texts.length} lines for ${words.length} words`)
  return texts
}
