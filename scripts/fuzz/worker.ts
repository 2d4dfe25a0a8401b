// Owns one process that runs cases: takes batches from its parent, says how each ended. Before each case its bytes are written to a file, so that
// the parent can show the one that hung or killed this process.
import { openSync, writeSync } from 'node:fs'
import fc from 'fast-check'
import { anyCase, bytesOf, type Case, type Seed, seedsOf } from './cases.ts'
import { FORMATS } from './formats.ts'
import { judge, type Outcome } from './judge.ts'

export interface Batch {
  readonly format: string
  readonly seed: number
  readonly runs: number
}
export interface BatchResult {
  readonly passed: number
  readonly outcomes: Readonly<Record<Outcome, number>>
  /** What went wrong, how to make the case again, and the bytes of the smallest one found. */
  readonly failure?: { readonly message: string; readonly path: string; readonly bytes: string }
}
export type Message = { readonly kind: 'ready' } | { readonly kind: 'alive' } | ({ readonly kind: 'done' } & BatchResult)

const tell = (message: Message): void => {
  // With a callback an error is given to it: a parent that has its results and is gone needs no stack trace behind its last line.
  process.send?.(message, undefined, undefined, () => {})
}
const [caseFile = ''] = process.argv.slice(2)
const kept = new Map<string, readonly Seed[]>()
const file = caseFile === '' ? undefined : openSync(caseFile, 'w')

/** Length, then bytes: always the last case. */
function remember(bytes: Uint8Array): void {
  if (file === undefined) return
  const head = Buffer.alloc(4)
  head.writeUInt32LE(bytes.length)
  writeSync(file, Buffer.concat([head, bytes]), 0, undefined, 0)
}

async function run({ format: id, seed, runs }: Batch): Promise<BatchResult> {
  const format = FORMATS.find(each => each.id === id)
  if (!format) throw new Error(`there is no format ${id}`)
  const seeds = kept.get(id) ?? (await seedsOf(format))
  kept.set(id, seeds)
  const outcomes: Record<Outcome, number> = { read: 0, refused: 0, 'refused-at': 0 }
  let failed = false
  const details = await fc.check(
    fc.asyncProperty(anyCase(format, seeds.length), async (each: Case) => {
      const { bytes, wanted } = bytesOf(format, seeds, each)
      remember(bytes)
      try {
        const outcome = await judge(format, bytes, wanted)
        if (!failed) outcomes[outcome]++
      } catch (error) {
        failed = true // the rest is shrinking
        throw error
      }
    }),
    { seed, numRuns: runs },
  )
  const passed = outcomes.read + outcomes.refused + outcomes['refused-at']
  if (!details.failed) return { passed, outcomes }
  const [smallest] = details.counterexample ?? []
  const bytes = smallest ? bytesOf(format, seeds, smallest).bytes : new Uint8Array()
  const cause = details.errorInstance
  const message = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  return { passed, outcomes, failure: { message, path: details.counterexamplePath ?? '', bytes: Buffer.from(bytes).toString('base64') } }
}

if (process.send) {
  setInterval(() => tell({ kind: 'alive' }), 500).unref()
  process.on('message', (batch: Batch) => {
    run(batch).then(
      result => tell({ kind: 'done', ...result }),
      error => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  tell({ kind: 'ready' })
}
