// Owns load-exclusive, store-exclusive and the local monitor. Arm ARM B2.12, C6.2 LDXR, STXR, LDXP, STXP, CLREX.
// The monitor remembers address and size; a store-exclusive succeeds when both are the same. Stores of other vCPUs need not be watched: the engine opens
// the monitors of all others when a vCPU runs, so no reservation outlives a turn (architecturally a reservation may be lost at any time).
import { ENGINE_STATE } from '../engine-state.ts'
import { constant32, constant64, type I64Expression, i32, i64 } from '../wasm/expression.ts'
import type { AccessSize, Emit } from './emit.ts'
import { type Define, type Lower, REGISTER, source, target } from './op.ts'

const MONITOR_ADDRESS = constant32(ENGINE_STATE.monitorAddress)
const openMonitor = (e: Emit): void => e.setState32(ENGINE_STATE.monitorSize, constant32(0))

export function defineExclusives(define: Define): void {
  define('CLREX', openMonitor)
  for (const sp of [false, true]) {
    const suffix = sp ? '_sp' : ''
    for (const size of [1, 2, 4, 8] as const) {
      loadExclusive(define, `LDXR${size}${suffix}`, sp, size, (e, at) => {
        const value = e.keep(e.load(size, false, at))
        return () => e.setX('d', value)
      })
      storeExclusive(define, `STXR${size}${suffix}`, sp, size, (e, at) => e.store(size, at, e.x('a')))
    }
    for (const size of [4, 8] as const) {
      loadExclusive(define, `LDXP${size}${suffix}`, sp, size * 2, (e, at) => {
        const [first, second] = e.loadPair(size, false, at)
        const kept = [e.keep(first), e.keep(second)] as const
        return () => {
          e.setX('d', kept[0])
          e.setX('a', kept[1])
        }
      })
      storeExclusive(define, `STXP${size}${suffix}`, sp, size * 2, (e, at) => e.storePair(size as 4 | 8, at, e.x('a'), e.x('m')))
    }
  }
}

function loadExclusive(define: Define, name: string, sp: boolean, bytes: number, access: (e: Emit, at: I64Expression) => () => void): void {
  define(name, e => {
    if (sp) e.checkStackAlignment()
    const at = e.keep(e.x('n'))
    e.requireAligned(bytes, at, false)
    const write = access(e, at)
    e.setState64(MONITOR_ADDRESS, at)
    e.setState32(ENGINE_STATE.monitorSize, constant32(bytes))
    write()
  })
}

/** Status 0: stored; 1: not. The status is written last. */
function storeExclusive(define: Define, name: string, sp: boolean, bytes: number, access: (e: Emit, at: I64Expression) => void): void {
  define(name, e => {
    if (sp) e.checkStackAlignment()
    const at = e.keep(e.x('n'))
    e.requireAligned(bytes, at, true)
    const marked = i32.eq(e.state32(ENGINE_STATE.monitorSize), constant32(bytes))
    const same = i64.eq(e.state64(MONITOR_ADDRESS), at)
    const status = (value: bigint) => {
      openMonitor(e)
      e.setX('d', constant64(value))
    }
    e.when(
      i32.and(marked, same),
      () => {
        access(e, at)
        status(0n)
      },
      () => status(1n),
    )
  })
}

export const lowerLoadStoreExclusive: Lower = (f, encoding, word) => {
  const size = (1 << (word >>> 30)) as AccessSize
  const pair = encoding.name.includes('XP')
  const sp = f.n === REGISTER.sp ? '_sp' : ''
  if (encoding.name.startsWith('LD')) return { op: `${pair ? 'LDXP' : 'LDXR'}${size}${sp}`, d: target(f.t), a: target(f.u), n: f.n }
  return { op: `${pair ? 'STXP' : 'STXR'}${size}${sp}`, d: target(f.w), a: source(f.t), m: source(f.u), n: f.n }
}

export const lowerClearExclusive: Lower = () => ({ op: 'CLREX' })
