// Owns `convert`: from any format that can be read to one that can be written, saying what the new one has no place for.
import { writeSnapshotFile } from '../formats/exporters.ts'
import { type InputOptions, withInput } from './input.ts'
import type { ConvertReport } from './reports.ts'

export interface ConvertOptions extends InputOptions {
  /** `psnap`, `kvm-reglist` or `elf-core`; by default what the output's suffix says. */
  readonly format?: string
  readonly overwrite?: boolean
}

/** Throws what reading the input throws, FORMAT_UNWRITABLE, OUTPUT_EXISTS, CANNOT_WRITE. */
export async function convert(input: string, output: string, options: ConvertOptions = {}): Promise<ConvertReport> {
  return withInput(input, options, async ({ extent, format, snapshot, findings }) => {
    const written = await writeSnapshotFile(snapshot, output, {
      ...(options.format === undefined ? {} : { format: options.format }),
      force: options.overwrite ?? false,
      ...(options.signal ? { signal: options.signal } : {}),
      vmcoreinfo: async () => {
        const { findVmcoreinfo } = await import('./find/vmcoreinfo.ts')
        return findVmcoreinfo(snapshot.memory, options)
      },
      onProgress: (done, total) => options.progress?.({ label: 'writing', done, total, unit: 'bytes' }),
    })
    return {
      input: { file: (await extent()).name, format: format.id },
      output: { file: output, format: written.format },
      findings: [...findings, ...written.findings],
    }
  })
}
