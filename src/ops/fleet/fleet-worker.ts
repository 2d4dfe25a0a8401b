// Owns a thread of a fleet check: gets its settings when it starts, then one input at a time, and answers each. Started by worker-pool.ts only.
import { parentPort, workerData } from 'node:worker_threads'
import { fileChecker } from './check-one.ts'
import type { FleetInput } from './inputs.ts'
import { type CheckSettings, READY } from './outcome.ts'

const port = parentPort
if (port === null) throw new Error('fleet-worker is no program of its own')
const check = await fileChecker(workerData as CheckSettings)
port.postMessage(READY)
port.on('message', async (input: FleetInput) => {
  const outcome = await check(input, {})
  // The bytes change hands, they are not copied.
  port.postMessage(
    outcome,
    (outcome.json ?? []).map(({ buffer }) => buffer as ArrayBuffer),
  )
})
