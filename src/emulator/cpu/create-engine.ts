// Owns the run loop: generated code until it returns, then whatever made it return. Knows no encoding and no operation.
import { translationFeatures } from '../../arch/translation/features.ts'
import { SnapError } from '../../errors.ts'
import { VCPU_STATE_BYTES } from '../state-layout.ts'
import type { Cpu, Outcome } from './cpu.ts'
import { SelfHostedDebug } from './debug/self-hosted-debug.ts'
import { announcedFeatures } from './decode/cpu-feature.ts'
import { createDecoder } from './decode/table.ts'
import { DecodeCache } from './decode-cache.ts'
import type { Counters, Engine, EngineOptions, RunResult } from './engine.ts'
import { ENGINE_STATE, LINE } from './engine-state.ts'
import { EC, takeDataAbort, takeInstructionAbort, takePendingInterrupt, takeSynchronous, takeUndefined } from './exceptions.ts'
import { GuestRam } from './guest-ram.ts'
import { AT, EXIT, HOT_RECORDS } from './interpreter/layout.ts'
import { Operations } from './interpreter/operations.ts'
import { Jit } from './jit/jit.ts'
import { LeftUndone } from './left-undone.ts'
import { allocateLinearMemory } from './linear-memory.ts'
import { LookUpTables } from './look-up-tables.ts'
import { Mmu } from './mmu/mmu.ts'
import { completeAccess } from './outside-access.ts'
import { PSTATE } from './pstate.ts'
import { SCTLR_LOW, unsupportedBySctlr, unsupportedByTcr2 } from './sctlr.ts'
import { encodingOf, SYSREG } from './system-register-encoding.ts'
import { fpTrapped, unsupportedMode } from './system-registers.ts'
import { VcpuBlock } from './vcpu-block.ts'

/** Most instructions for one call of generated code, whose counter is 32 bits. */
const MOST_AT_ONCE = 0x7fff_ffff
const REQUIRED = ['SCTLR_EL1', 'VBAR_EL1', 'ESR_EL1', 'FAR_EL1', 'CPACR_EL1'] as const
/** DCZID_EL0.BS when the ID registers do not say: 64 bytes. */
const DEFAULT_ZVA_BLOCK = 4n
const CNTKCTL_EL0VCTEN = 2

/** Creates an engine with all state zero. Throws USAGE, LIMIT_EXCEEDED or BUILD_UNUSABLE for options that cannot be. */
export function createEngine(options: EngineOptions): Engine {
  for (const name of REQUIRED) {
    if (!options.sysregs.has(SYSREG[name])) throw new SnapError('BUILD_UNUSABLE', `the CPU needs storage for ${name}`)
  }
  const linear = allocateLinearMemory(options)
  const { memory, regions } = linear
  const { buffer } = memory
  const view = new DataView(buffer)
  const operations = new Operations(memory)
  const runGenerated = operations.exports.run as (block: number, count: number) => number
  const tables = new LookUpTables(buffer, linear.tables)
  const jit = options.jit === false ? undefined : new Jit(linear, operations, options.jit ?? {})
  if (!jit) view.setUint32(AT.hotCount, HOT_RECORDS, true) // a full list: nothing is noted

  const features = announcedFeatures(options.idRegisters)
  const decoder = createDecoder(features)
  const zvaBlock = Number((options.idRegisters.get(SYSREG.DCZID_EL0) ?? DEFAULT_ZVA_BLOCK) & 0xfn)
  const pages = { base: linear.decodedPages, capacity: linear.decodedPageCount }
  const cache = new DecodeCache(
    buffer,
    pages,
    decoder,
    { sysregs: options.sysregs, zvaBlock, countersInside: options.countersInside ?? false },
    tables,
    operations,
    jit,
  )
  /** Whether the vCPU's tables were filled while every access was checked: then there is nothing in them. */
  const strictly = new Array<boolean>(options.vcpus).fill(false)
  const blocks = linear.blocks.map((address, i) => new VcpuBlock(i, new DataView(buffer, address, VCPU_STATE_BYTES), address, options.sysregs))

  const ram = new GuestRam(buffer, regions, cache)
  const blockOf = (vcpu: number): VcpuBlock => {
    const block = blocks[vcpu]
    if (!block) throw new SnapError('USAGE', `there is no vCPU ${vcpu}`)
    return block
  }
  const idRegister = (crm: number, op2: number): bigint => options.idRegisters.get(encodingOf(3, 0, 0, crm, op2)) ?? 0n
  const mmu = new Mmu(view, tables, translationFeatures(idRegister), ram.dword)

  const debug = new SelfHostedDebug({
    view,
    features,
    idRegisters: options.idRegisters,
    tables,
    vcpus: options.vcpus,
    fetch: vcpu => (vcpu.pc & 3n ? undefined : undone.translatedWord(vcpu)),
    isExclusiveLoad: word => {
      const encoding = decoder.decode(word)
      return encoding?.semantics === 'loadStoreExclusive' && encoding.name.startsWith('LD')
    },
  })

  let endRequested = false
  const cpu: Cpu = {
    features,
    idRegisters: options.idRegisters,
    decoder,
    sysregs: options.sysregs,
    hooks: options.hooks,
    mmu,
    debug,
    zvaBytes: 4 << zvaBlock,
    sendEventToAll: () => {
      for (const block of blocks) block.write32(ENGINE_STATE.event, 1)
    },
    zero: (address, length) => {
      if (!ram.region(address, length)) return false
      ram.write(address, new Uint8Array(length))
      return true
    },
    write64: (address, value) => ram.write(address, new Uint8Array(BigUint64Array.of(value).buffer)),
    inRam: (address, length) => ram.region(address, length) !== undefined,
  }
  const undone = new LeftUndone(view, cpu, ram, cache)

  /** Tells generated code what this vCPU's state means for the instructions that come: which tables, checks and traps. */
  const configure = (vcpu: VcpuBlock): void => {
    const { el, index } = vcpu
    const sctlr = vcpu.sysregLow(SYSREG.SCTLR_EL1)
    const strict = (sctlr & SCTLR_LOW.a) !== 0
    if (strictly[index] !== strict) tables.forgetVcpu(index) // remembered pages would skip the check
    strictly[index] = strict
    view.setUint32(AT.strict, strict ? 1 : 0, true)
    view.setUint32(AT.stackMask, sctlr & (el === 0 ? SCTLR_LOW.sa0 : SCTLR_LOW.sa) ? 15 : 0, true)
    view.setUint32(AT.fpTrapped, fpTrapped(vcpu) ? 1 : 0, true)
    mmu.configure(vcpu)
  }

  /** Machine time at which generated code is entered, and who may read the counter. */
  const enterAt = (vcpu: VcpuBlock, time: number): void => {
    view.setUint32(AT.entryTime, time % 2 ** 32, true)
    view.setUint32(AT.entryTime + 4, time / 2 ** 32, true)
    const trapped = vcpu.el === 0 && (vcpu.sysregLow(SYSREG.CNTKCTL_EL1) & CNTKCTL_EL0VCTEN) === 0
    view.setUint32(AT.counterTrapped, trapped ? 1 : 0, true)
  }

  const illegalState = (vcpu: VcpuBlock): void => {
    if (vcpu.pc & 3n) takeSynchronous(vcpu, features, { ec: EC.pcAlignment, far: vcpu.pc })
    else takeSynchronous(vcpu, features, { ec: EC.illegalState })
  }

  /** What the counters of the run are made of; false: the vCPU's counters are the hooks'. */
  const beginCounters = (counters: Counters | undefined): boolean => {
    if (!options.countersInside) return false
    if (!counters) throw new SnapError('USAGE', 'an engine with counters inside runs with Counters only')
    view.setUint32(AT.tickShift, counters.shift, true)
    view.setBigUint64(AT.virtualOffset, counters.virtualOffset, true)
    view.setBigUint64(AT.physicalOffset, counters.physicalOffset, true)
    return true
  }

  const run = (index: number, budget: number, counters?: Counters): RunResult => {
    if (!Number.isSafeInteger(budget) || budget < 0) throw new SnapError('USAGE', `a budget of ${budget} instructions`)
    const vcpu = blockOf(index)
    let left = budget
    const stopped = (stop: RunResult['stop']): RunResult => {
      mmu.end(vcpu)
      return { executed: budget - left, stop }
    }
    if (budget === 0) return stopped({ kind: 'budget' })
    const what = unsupportedBySctlr(vcpu.sysreg(SYSREG.SCTLR_EL1)) ?? unsupportedByTcr2(vcpu.sysreg(SYSREG.TCR2_EL1)) ?? unsupportedMode(vcpu.pstate)
    if (what !== undefined) return stopped({ kind: 'cannot-execute', what })
    for (const other of blocks) if (other !== vcpu) other.write32(ENGINE_STATE.monitorSize, 0)
    mmu.begin(vcpu)
    debug.registersChanged(vcpu)
    const counting = beginCounters(counters)
    endRequested = false
    let level = vcpu.el
    while (left > 0 && !endRequested) {
      const debugging = debug.switchedOn(vcpu)
      if (debugging && debug.stepIsDue(vcpu)) {
        left--
        debug.takeStep(vcpu)
        continue
      }
      takePendingInterrupt(vcpu, features)
      const next = debugging ? debug.prepare(vcpu) : 'run'
      if (next === 'taken') {
        left--
        continue
      }
      if (vcpu.pstate & PSTATE.il) {
        left--
        illegalState(vcpu)
        continue
      }
      if (vcpu.el !== level) {
        level = vcpu.el
        options.hooks.levelChanged?.(index, budget - left)
      }
      configure(vcpu)
      const count = next === 'one' ? 1 : Math.min(left, jit?.slice ?? MOST_AT_ONCE)
      if (counting) enterAt(vcpu, counters!.time + budget - left)
      const done = count - runGenerated(vcpu.address, count)
      left -= done
      undone.ran(vcpu)
      jit?.afterRun(done)
      const exit = view.getUint32(AT.exit, true)
      let outcome: Outcome | 'again'
      if (exit === EXIT.budget) {
        if (next === 'one') debug.completed(vcpu)
        continue
      }
      if (exit === EXIT.decode) cache.decodeFrom(view.getUint32(AT.pageRecords, true), vcpu.pc)
      else if (exit !== EXIT.fetch) outcome = undone.answer(vcpu, exit, budget - left - 1)
      else if (left > 0) {
        const fetched = undone.fetch(vcpu)
        if (fetched.counted) left--
        outcome = fetched.outcome
      }
      if (outcome === 'again') left++
      else if (outcome) return stopped(outcome)
    }
    return stopped({ kind: 'budget' })
  }

  return {
    vcpus: blocks.length,
    state: vcpu => new Uint8Array(buffer, blockOf(vcpu).address, VCPU_STATE_BYTES),
    ram: (address, length) => new Uint8Array(buffer, ram.linearOrThrow(address, length), length),
    writeRam: (address, from) => ram.writeFromOutside(address, from, blocks),
    run,
    endRun: () => {
      endRequested = true
    },
    completeMmio: (vcpu, value = 0n, word) => {
      const block = blockOf(vcpu)
      completeAccess(block, cpu, word ?? undone.wordAtPc(block), value)
    },
    setInterruptLines: (vcpu, { irq, fiq, serror }) => {
      const block = blockOf(vcpu)
      block.write32(ENGINE_STATE.lines, (irq ? LINE.irq : 0) | (fiq ? LINE.fiq : 0) | (serror === undefined ? 0 : LINE.serror))
      block.write32(ENGINE_STATE.serror, serror ?? 0)
    },
    interruptPending: vcpu => blockOf(vcpu).read32(ENGINE_STATE.lines) !== 0,
    inject: (vcpu, exception) => {
      const block = blockOf(vcpu)
      switch (exception.kind) {
        case 'undefined':
          return takeUndefined(block, features)
        case 'instruction-abort':
          return takeInstructionAbort(block, features, exception.status, block.pc)
        case 'data-abort':
          return takeDataAbort(block, features, exception.status, exception.address, exception.write)
        default:
          return exception satisfies never
      }
    },
    sendEvent: vcpu => blockOf(vcpu).write32(ENGINE_STATE.event, 1),
  }
}
