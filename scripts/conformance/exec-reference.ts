// Owns the reference side of the execution check: builds the harness and runs it under qemu-aarch64. Knows no engine.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeResult, type ExecCase, type ExecResult, encodeCase, RECORD_BYTES } from './exec-record.ts'

const HARNESS = fileURLToPath(new URL('exec-harness.S', import.meta.url))
const SECTIONS = { '.text': '0x10000000', '.slot': '0x10010ff0', '.record': '0x10020000', '.window': '0x10030000' }

export interface Reference {
  run(cases: readonly ExecCase[]): readonly ExecResult[]
  close(): void
}

/** Throws when the cross compiler or qemu-aarch64 is missing. */
export function openReference(): Reference {
  const directory = mkdtempSync(join(tmpdir(), 'psci-snap-exec-'))
  const program = join(directory, 'harness')
  const place = Object.entries(SECTIONS).map(([name, address]) => `-Wl,--section-start=${name}=${address}`)
  execFileSync('aarch64-linux-gnu-gcc', ['-nostdlib', '-static', '-Wl,--build-id=none', '-Wl,--no-warn-rwx-segments', ...place, '-o', program, HARNESS], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const runOn = (cpu: string, cases: readonly ExecCase[]): readonly ExecResult[] => {
    const input = new Uint8Array(cases.length * RECORD_BYTES)
    cases.forEach((test, i) => {
      encodeCase(test, new DataView(input.buffer, i * RECORD_BYTES, RECORD_BYTES))
    })
    const file = join(directory, 'cases')
    writeFileSync(file, input)
    const stdin = openSync(file, 'r')
    const stdout = openSync(join(directory, 'results'), 'w')
    try {
      execFileSync('qemu-aarch64', ['-cpu', cpu, program], { stdio: [stdin, stdout, 'inherit'] })
    } finally {
      closeSync(stdin)
      closeSync(stdout)
    }
    const output = readFileSync(join(directory, 'results'))
    if (output.length !== input.length) throw new Error(`the reference answered ${output.length / RECORD_BYTES} of ${cases.length} tests`)
    return cases.map((_, i) => decodeResult(new DataView(output.buffer, output.byteOffset + i * RECORD_BYTES, RECORD_BYTES)))
  }
  return {
    run(cases) {
      const results = new Map<ExecCase, ExecResult>()
      for (const cpu of new Set(cases.map(test => test.cpu))) {
        const some = cases.filter(test => test.cpu === cpu)
        runOn(cpu, some).forEach((result, i) => void results.set(some[i]!, result))
      }
      return cases.map(test => results.get(test)!)
    },
    close: () => rmSync(directory, { recursive: true }),
  }
}
