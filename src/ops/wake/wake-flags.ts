// Owns which options have no place beside each other when a guest is woken: what its environment says already, and what only a guest that wakes has.
import { SnapError } from '../../errors.ts'

interface Given {
  readonly wake?: string
  readonly recordedPaths?: boolean
  readonly acceptChanged?: boolean
  readonly clean?: boolean
  readonly force?: boolean
  readonly append?: string
  readonly cpus?: number
  readonly memory?: number
  readonly features?: readonly string[]
  readonly gic?: string
  readonly seed?: bigint
  readonly rng?: boolean
}

/** As flags, of a guest that wakes with what it had. */
const KEPT = ['append', 'cpus', 'memory', 'features', 'gic', 'seed', 'rng'] as const
const ITS_OWN = { recordedPaths: '--recorded-paths', acceptChanged: '--accept-changed-files', clean: '--clean' } as const

/** Throws USAGE. */
export function requireWakeOptions(given: Given): void {
  if (given.wake === undefined) {
    for (const [name, flag] of Object.entries(ITS_OWN))
      if (given[name as keyof typeof ITS_OWN]) throw new SnapError('USAGE', `${flag} is for a guest that wakes`, {}, { hint: 'name the snapshot with --wake' })
    return
  }
  const kept = KEPT.find(name => given[name] !== undefined && given[name] !== false)
  if (kept !== undefined)
    throw new SnapError('USAGE', `a guest that wakes has what it hibernated with: --${kept} has no place beside --wake`, {}, { hint: 'leave it out' })
  if (given.force)
    throw new SnapError(
      'USAGE',
      'a guest is not woken in an environment that is not its own',
      {},
      { hint: '--clean boots it in a new one, without what it had in memory' },
    )
}
