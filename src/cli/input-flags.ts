// Owns the flags of commands that read one snapshot of any format: what the user knows about it that the file does not say. Knows no command.
import type { InputOptions } from '../ops/input.ts'
import { Flags } from './flags.ts'

export const MEMORY_FILE = { multiple: true, summary: 'file with the guest memory, for formats that keep it apart; then the diffs over it' } as const

export const INPUT_FLAGS = {
  'memory-file': Flags.string(MEMORY_FILE),
  'vmm-version': Flags.string({ summary: 'VMM release that wrote the file, where a version stands for several layouts' }),
}

/** For `...inputOptions(flags)` in the options of an operation. */
export function inputOptions(flags: { readonly 'memory-file'?: string[] | undefined; readonly 'vmm-version'?: string | undefined }): InputOptions {
  return {
    ...(flags['memory-file'] === undefined ? {} : { memoryFiles: flags['memory-file'] }),
    ...(flags['vmm-version'] === undefined ? {} : { vmmVersion: flags['vmm-version'] }),
  }
}
