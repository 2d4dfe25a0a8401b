// Owns the program that runs inside a booted kernel (bundled by bundle.ts): does the steps of its plan one after the other, whatever becomes of each, and
// sends what came of them. Judges nothing.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { release, version } from 'node:os'
import { kvmBackend } from '../../src/backends/kvm/backend.ts'
import { openKvmHost } from '../../src/backends/kvm/host.ts'
import type { Io, Output } from '../../src/cli/io.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import { TABLE } from '../../src/commands/table.ts'
import { runCase } from '../../test/contract/contract.ts'
import { realCases } from '../../test/contract/real.ts'
import { backendContractCases, contractCases } from '../../test/contract/suite.ts'
import { sendFrame } from './frames.ts'
import type { CaseFrame, Frame, Plan, Step, StepFrame } from './plan.ts'

const PIECE = 96 << 10

const send = (frame: Frame): void => sendFrame(frame)
const descriptors = (): number => readdirSync('/proc/self/fd').length

type Outcome = Pick<StepFrame, 'stdout' | 'stderr'> & { readonly status?: number; readonly failure?: string }

async function perform(step: Step): Promise<Outcome> {
  switch (step.run) {
    case 'cli': {
      const io = collectingIo()
      const status = await runCli(TABLE, step.argv, io, new AbortController().signal)
      return { status, stdout: io.text('stdout'), stderr: io.text('stderr') }
    }
    case 'spawn':
      return spawned(step)
    case 'contract':
      return contract(step)
    default:
      return step satisfies never
  }
}

async function contract({ id, cycles }: Step & { run: 'contract' }): Promise<Outcome> {
  const host = await openKvmHost()
  const sendCase = (part: CaseFrame['part'], result: CaseFrame['result']): void => send({ kind: 'case', step: id, part, result })
  try {
    for (const each of contractCases({ cycles, run: true })) sendCase('verbs', await runCase(each, host))
    for (const each of backendContractCases()) sendCase('backend', await runCase(each, kvmBackend(host)))
    for (const each of realCases) sendCase('real', await runCase(each, host))
  } finally {
    host.close()
  }
  return { status: 0, stdout: '', stderr: '' }
}

function spawned({ argv, seconds, interruptAfter }: Step & { run: 'spawn' }): Promise<Outcome> {
  return new Promise(resolve => {
    const [command = '', ...rest] = argv
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    const text = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (data: Buffer) => (text[name] += data.toString()))
    const limit = setTimeout(() => child.kill('SIGKILL'), seconds * 1000)
    const interruption = interruptAfter === undefined ? undefined : setTimeout(() => child.kill('SIGTERM'), interruptAfter)
    const over = (rest: { status?: number; failure?: string }): void => {
      clearTimeout(limit)
      clearTimeout(interruption)
      resolve({ ...text, ...rest })
    }
    child.on('error', error => over({ failure: error.message }))
    child.on('close', (status, signal) => over(status === null ? { failure: `ended by ${signal}` } : { status }))
  })
}

function collectingIo(): Io & { text(name: 'stdout' | 'stderr'): string } {
  const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
  const output = (name: 'stdout' | 'stderr'): Output => ({
    write: async data => void chunks[name].push(Buffer.from(data)),
    isTerminal: false,
    columns: undefined,
    color: false,
  })
  return { stdout: output('stdout'), stderr: output('stderr'), debug: true, text: name => Buffer.concat(chunks[name]).toString('utf8') }
}

function sendFile(step: string, path: string): void {
  if (!existsSync(path)) return
  const bytes = readFileSync(path)
  const parts = Math.max(1, Math.ceil(bytes.length / PIECE))
  for (let part = 0; part < parts; part++)
    send({ kind: 'file', step, path, part, parts, base64: bytes.subarray(part * PIECE, (part + 1) * PIECE).toString('base64') })
}

send({ kind: 'start', node: process.version, release: release(), version: version() })
const { steps } = JSON.parse(readFileSync(new URL('plan.json', import.meta.url), 'utf8')) as Plan
for (const step of steps) {
  const before = descriptors()
  const start = performance.now()
  const outcome = await perform(step).catch((error: unknown): Outcome => {
    return { stdout: '', stderr: '', failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  })
  const milliseconds = Math.round(performance.now() - start)
  for (const path of step.send ?? []) sendFile(step.id, path)
  send({ kind: 'step', id: step.id, ...outcome, milliseconds, descriptors: [before, descriptors()] })
}
send({ kind: 'end', steps: steps.length })
// A device or a timer that a step left open must not keep the machine from going off.
process.exit(0)
