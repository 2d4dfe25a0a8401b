// Owns reading recordings of real kernels from files; their shape is src/builds/recorded/recording.ts.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import type { NamedRecording, Recording } from '../../src/builds/recorded/recording.ts'

const header = z.looseObject({
  version: z.string(),
  uname_r: z.string(),
  uname_v: z.string(),
  qemu_cpu: z.string(),
  regs: z.array(z.looseObject({ set: z.string() })),
  errs: z.record(z.string(), z.union([z.number(), z.string()])),
})

/** Reads one recording; throws when the file is none. */
export function readRecording(file: string): NamedRecording {
  const raw = readFileSync(file)
  const recording: unknown = JSON.parse((file.endsWith('.gz') ? gunzipSync(raw) : raw).toString())
  header.parse(recording)
  return { name: basename(file).replace(/\.json(\.gz)?$/, ''), sha256: createHash('sha256').update(raw).digest('hex'), recording: recording as Recording }
}

/** All recordings of a folder, sorted by name; replays are other files. */
export function readRecordings(folder: string, wanted: (name: string) => boolean = () => true): NamedRecording[] {
  return readdirSync(folder)
    .filter(file => file.endsWith('.json.gz') && !file.startsWith('replay-') && wanted(file.replace(/\.json\.gz$/, '')))
    .sort()
    .map(file => readRecording(join(folder, file)))
}
