// Owns the reading of ../shared/recordings for the tests of this directory. Where the recordings are absent a test is skipped and says so.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const DIRECTORY = '../shared/recordings/kvm'
export const FACTS = '../shared/facts'
const isPresent = existsSync(DIRECTORY)
if (!isPresent) process.stdout.write(`skipped: ${DIRECTORY} is not there, so the tables are not compared with recordings\n`)

/** For `test.skipIf`: true where ../shared is absent. */
export const withoutRecordings = !isPresent
export const withoutFacts = !existsSync(FACTS)

export interface Call {
  readonly t: string
  readonly in: readonly string[]
  readonly r?: string
  readonly pc?: string
}
export interface ReplaySide {
  readonly fail?: readonly (readonly [string, number, string, string | null])[]
  readonly diff?: readonly (readonly [string, string, string | number, string?])[]
}
export interface Recording {
  readonly version: string
  readonly regs?: readonly { readonly set: string; readonly regs?: readonly (readonly [string, string | number])[] }[]
  readonly fwwrite?: readonly {
    readonly set: string
    readonly reg: string
    readonly phase: string
    readonly default: string
    readonly bits_ok: string
    readonly rows: readonly (readonly [string, number, string, string])[]
  }[]
  readonly fweffect?: readonly { readonly reg: string; readonly val: string; readonly set_errno: number; readonly calls: readonly Call[] }[]
  readonly psci?: readonly { readonly set: string; readonly ver_read?: string; readonly calls?: readonly Call[] }[]
  readonly psci_feat_suspend_cap?: readonly { readonly ver: string; readonly calls?: readonly Call[] }[]
  readonly sets?: readonly { readonly from?: string; readonly set: string; readonly vcpu0?: ReplaySide; readonly vcpu1?: ReplaySide }[]
  readonly restore?: readonly { readonly set: string; readonly mode: string; readonly vcpu0?: ReplaySide; readonly vcpu1?: ReplaySide }[]
}

const read = (file: string) => JSON.parse(gunzipSync(readFileSync(`${DIRECTORY}/${file}`)).toString('utf8')) as Recording

/** File names, recordings or replays; empty where ../shared is absent. */
export const recordingFiles = (kind: 'recording' | 'replay'): readonly string[] =>
  isPresent
    ? readdirSync(DIRECTORY)
        .filter(file => file.endsWith('.json.gz') && file.startsWith('replay-') === (kind === 'replay'))
        .sort()
    : []
export const readRecording = read
export function* recordings(kind: 'recording' | 'replay' = 'recording'): Generator<Recording> {
  for (const file of recordingFiles(kind)) yield read(file)
}
