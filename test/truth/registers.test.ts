// The fast part of `npm run fidelity`: the register side of every recording and of a quarter of the replays, row by row. The whole comparison,
// with the families that run a guest, is a script (.ci/run).
import { expect } from 'vitest'
import { compare } from '../../scripts/fidelity/compare.ts'
import { FAMILIES } from '../../scripts/fidelity/families.ts'
import { Hosts } from '../../scripts/fidelity/hosts.ts'
import { RECORDINGS, testWithRecordings } from '../builds/recordings.ts'

const REGISTER_SIDE = [
  'caps',
  'regs',
  'errs',
  'mpstate',
  'timer',
  'idvm',
  'fwreinit',
  'fwwrite',
  'fwhidden',
  'restore',
  'idmasks',
  'impid',
  'idregs',
  'replays',
]
const families = FAMILIES.filter(family => REGISTER_SIDE.includes(family.name))
/** Every fourth replay, spread over all kernels. */
const isSampled = (name: string): boolean =>
  !name.startsWith('replay-') || [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1009, 7) % 4 === 0

testWithRecordings(
  'lists, values, errnos and replays are those of the real kernels',
  async () => {
    const { disagreements, stale, counts } = await compare(new Hosts([RECORDINGS]), families, { name: isSampled })
    expect(disagreements.slice(0, 20)).toEqual([])
    expect(stale).toEqual([])
    const rows = [...counts.values()].flatMap(byFamily => [...byFamily.values()]).reduce((sum, count) => sum + count.agreeing, 0)
    expect(rows).toBeGreaterThan(700_000)
    expect(new Set([...counts.values()].flatMap(byFamily => [...byFamily.keys()]))).toEqual(new Set(REGISTER_SIDE))
  },
  60_000,
)
