// Owns what of a virtio-mmio transport is saved, and the check of it. Knows no register and no queue's contents.
import { SnapError } from '../../../errors.ts'
import { onlyFields, savedNumber, savedRecord, savedU64 } from '../saved-fields.ts'
import type { QueueState } from './queue.ts'

export interface TransportState {
  readonly status: number
  readonly driverFeatures: bigint
  readonly deviceFeaturesSel: number
  readonly driverFeaturesSel: number
  readonly queueSel: number
  /** InterruptStatus: 1 buffers were used, 2 the configuration changed (or a reset is needed). */
  readonly interrupt: number
  readonly queues: readonly QueueState[]
}

export const NO_QUEUE: QueueState = { size: 0, ready: false, descriptors: 0n, driver: 0n, device: 0n, taken: 0, given: 0 }

export const freshTransport = (): TransportState => ({
  status: 0,
  driverFeatures: 0n,
  deviceFeaturesSel: 0,
  driverFeaturesSel: 0,
  queueSel: 0,
  interrupt: 0,
  queues: [],
})

/** The transport's part of a saved state, and the rest. Throws INPUT_CORRUPT. `most`: descriptors of each queue at most; `own`: the function's fields. */
export function parseTransport(
  kind: string,
  raw: unknown,
  most: readonly number[],
  own: readonly string[],
): { readonly transport: TransportState; readonly own: Readonly<Record<string, unknown>> } {
  const fields = savedRecord(kind, raw)
  onlyFields(kind, fields, [...Object.keys(freshTransport()), ...own])
  const { queues } = fields
  if (!Array.isArray(queues) || queues.length !== most.length)
    throw new SnapError('INPUT_CORRUPT', `the saved state of ${kind} does not have ${most.length} queues`, { path: 'queues' })
  const word = (name: string, bits = 32): number => savedNumber(kind, name, fields[name], bits)
  return {
    transport: {
      status: word('status', 8),
      driverFeatures: savedU64(kind, 'driverFeatures', fields.driverFeatures),
      deviceFeaturesSel: word('deviceFeaturesSel'),
      driverFeaturesSel: word('driverFeaturesSel'),
      queueSel: word('queueSel'),
      interrupt: word('interrupt', 2),
      queues: queues.map((queue, n) => parseQueue(kind, queue, `queues[${n}]`, most[n]!)),
    },
    own: Object.fromEntries(own.map(name => [name, fields[name]])),
  }
}

function parseQueue(kind: string, raw: unknown, path: string, most: number): QueueState {
  const fields = savedRecord(kind, raw, path)
  onlyFields(kind, fields, Object.keys(NO_QUEUE))
  const { ready } = fields
  const size = savedNumber(kind, `${path}.size`, fields.size, 16)
  if (typeof ready !== 'boolean' || (ready && (size === 0 || size > most || (size & (size - 1)) !== 0)))
    throw new SnapError('INPUT_CORRUPT', `${path} in the saved state of ${kind} is no queue`, { path })
  const address = (name: string): bigint => savedU64(kind, `${path}.${name}`, fields[name])
  const index = (name: string): number => savedNumber(kind, `${path}.${name}`, fields[name], 16)
  return {
    size,
    ready,
    descriptors: address('descriptors'),
    driver: address('driver'),
    device: address('device'),
    taken: index('taken'),
    given: index('given'),
  }
}
