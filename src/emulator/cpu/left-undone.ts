// Owns what becomes of an instruction that generated code has left undone, or could not fetch: aborts, updates of descriptors, accesses outside RAM, traps.
// Knows no encoding.
import type { Translation } from '../../arch/translation/walk.ts'
import type { Cpu, Outcome } from './cpu.ts'
import type { DecodeCache } from './decode-cache.ts'
import { EC, FAULT, takeDataAbort, takeInstructionAbort, takeSynchronous } from './exceptions.ts'
import { executeTrap } from './execute-trap.ts'
import type { GuestRam } from './guest-ram.ts'
import { AT, EXIT } from './interpreter/layout.ts'
import { ACCESS } from './interpreter/memory-access.ts'
import { outsideAccess } from './outside-access.ts'
import type { VcpuBlock } from './vcpu-block.ts'

export class LeftUndone {
  readonly #view: DataView
  readonly #cpu: Cpu
  readonly #ram: GuestRam
  readonly #cache: DecodeCache
  /** The vCPU whose page of code fixed memory names. */
  #ranLast: VcpuBlock | undefined

  constructor(view: DataView, cpu: Cpu, ram: GuestRam, cache: DecodeCache) {
    this.#view = view
    this.#cpu = cpu
    this.#ram = ram
    this.#cache = cache
  }

  /** Generated code has just executed this vCPU. */
  ran(vcpu: VcpuBlock): void {
    this.#ranLast = vcpu
  }

  /** The word at a vCPU's PC: of the page that it executes, or as its address is translated. */
  wordAtPc(vcpu: VcpuBlock): number {
    const { pc } = vcpu
    const records = this.#view.getUint32(AT.pageRecords, true)
    if (this.#ranLast === vcpu && records !== 0 && this.#view.getBigUint64(AT.pageAddress, true) === (pc & ~0xfffn))
      return this.#view.getUint32(this.#cache.pageOf(records) + Number(pc & 0xfffn), true)
    const word = this.translatedWord(vcpu)
    if (word === undefined) throw new Error(`no instruction at 0x${pc.toString(16)}`)
    return word
  }

  /** The word at PC as its address is translated now; undefined where a fetch would not succeed. */
  translatedWord(vcpu: VcpuBlock): number | undefined {
    const { mmu } = this.#cpu
    const { mapping } = mmu.translate(vcpu, vcpu.pc, mmu.rights(vcpu, 'fetch'))
    return mapping && this.#ram.word(mapping.address)
  }

  /** PC is in a page that generated code does not know. Gives a stop, or whether an attempt was counted. */
  fetch(vcpu: VcpuBlock): { readonly counted: boolean; readonly outcome: Outcome } {
    const { pc } = vcpu
    const { features, mmu } = this.#cpu
    if (pc & 3n) {
      takeSynchronous(vcpu, features, { ec: EC.pcAlignment, far: pc })
      return { counted: true, outcome: undefined }
    }
    const translation = mmu.translate(vcpu, pc, mmu.rights(vcpu, 'fetch'))
    const { fault, mapping } = translation
    if (fault) {
      takeInstructionAbort(vcpu, features, fault.status, pc)
      return { counted: true, outcome: undefined }
    }
    if (mapping.update) {
      this.#settle(translation, pc)
      return { counted: false, outcome: undefined }
    }
    const region = this.#ram.region(mapping.address, 4)
    if (!region) return { counted: true, outcome: { kind: 'fetch-outside', address: mapping.address } }
    this.#cache.enterPage(mapping.address, region)
    return { counted: false, outcome: undefined }
  }

  /** The instruction at PC has been counted. 'again': it has not been attempted yet after all. */
  answer(vcpu: VcpuBlock, exit: number, executed: number): Outcome | 'again' {
    const view = this.#view
    const { features, mmu, decoder, debug } = this.#cpu
    if (exit === EXIT.stackAlignment) {
      takeSynchronous(vcpu, features, { ec: EC.spAlignment })
      return undefined
    }
    const word = this.wordAtPc(vcpu)
    const zeroes = exit === EXIT.watchpoint && (view.getUint32(AT.exitAccess, true) & ACCESS.zeroBlock) !== 0
    // Cache maintenance has rules of its own for what it cannot reach.
    if (exit === EXIT.trap || (!zeroes && decoder.decode(word)?.semantics === 'system')) return executeTrap(vcpu, this.#cpu, word, executed)
    const virtual = view.getBigUint64(AT.exitAddress, true)
    const access = view.getUint32(AT.exitAccess, true)
    const write = (access & ACCESS.write) !== 0
    if (exit === EXIT.outside) {
      const physical = view.getBigUint64(AT.exitPhysical, true)
      const second = view.getBigInt64(AT.exitSecondPage, true)
      return outsideAccess(vcpu, this.#cpu, word, { physical, bytes: access & ACCESS.bytes, write, secondPage: second < 0n ? undefined : second })
    }
    if (exit === EXIT.watchpoint) {
      debug.takeWatchpoint(vcpu, virtual, write)
      return undefined
    }
    if (exit === EXIT.alignment) {
      takeDataAbort(vcpu, features, FAULT.alignment, virtual, write)
      return undefined
    }
    const translation = mmu.translate(vcpu, virtual, mmu.rights(vcpu, write ? 'write' : 'read', (access & ACCESS.unprivileged) !== 0))
    if (translation.fault) {
      takeDataAbort(vcpu, features, translation.fault.status, virtual, write)
      return undefined
    }
    this.#settle(translation, virtual)
    return 'again'
  }

  /** Does what a translation asks for before the access is made; without that there was no reason to leave generated code. */
  #settle({ mapping }: Translation, address: bigint): void {
    if (!mapping?.update) throw new Error(`two answers for the translation of 0x${address.toString(16)}`)
    this.#cpu.write64(mapping.update.address, mapping.update.value)
  }
}
