// Every call that a recorded guest made and that came back, through the handlers alone: no kernel, no CPU. What the rest of the machine adds is the
// fidelity driver's business.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type FirmwareRecording, firmwareRules } from '../../../src/builds/recorded/firmware-rules.ts'
import { firmwareCall } from '../../../src/emulator/firmware/dispatch.ts'
import { modelVm } from './model-vm.ts'

interface Call {
  readonly t?: string
  readonly in: readonly [string, string, string, string]
  readonly pc?: string
  readonly r?: string
  readonly out123?: readonly string[]
}
interface Recording extends FirmwareRecording {
  readonly regs: readonly { readonly set: string; readonly regs?: readonly (readonly [string, string | number])[] }[]
  readonly psci?: readonly { readonly set: string; readonly ver_read?: string; readonly calls?: readonly Call[] }[]
  readonly fweffect?: readonly { readonly reg: string; readonly val: string; readonly calls: readonly Call[] }[]
}
const FOLDER = fileURLToPath(new URL('../../../../shared/recordings/kvm/', import.meta.url))
const FIRMWARE = 0x6030_0000_0014_0000n
const BITMAPS = 0x6030_0000_0016_0000n
const PTP = '0x86000001'

const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter(name => /^\d/.test(name)) : []
if (files.length === 0) console.log('skipped: there are no recordings at ../shared/recordings/kvm')
const load = (name: string): Recording => JSON.parse(gunzipSync(readFileSync(FOLDER + name)).toString()) as Recording
const value = (text: string): bigint => BigInt(text)
const hex = (number: bigint): string => `0x${number.toString(16)}`

/** A model of the recorded host's VM, as the recording's own register list shows it. */
function vmOf(recording: Recording) {
  const vm = modelVm(firmwareRules(recording))
  for (const [text, initial] of recording.regs.find(each => each.set === 'psci02')?.regs ?? []) {
    const id = BigInt(text)
    if (typeof initial !== 'string') continue
    if (id > FIRMWARE && id < FIRMWARE + 4n) vm.workarounds.set(Number(id - FIRMWARE), value(initial))
    if (id >= BITMAPS && id < BITMAPS + 4n) vm.bitmaps.set(Number(id - BITMAPS), value(initial))
    if (id === FIRMWARE) vm.version = Number(initial)
  }
  return vm
}

/** X0 … X3 after one call of vCPU 0. */
function ask(vm: ReturnType<typeof modelVm>, call: Call): readonly string[] {
  const vcpu = vm.vcpus[0]!
  for (const [n, text] of call.in.entries()) vcpu.writeX(n, value(text))
  vcpu.state = 'runnable'
  const [conduit, immediate] =
    call.pc === '0x100'
      ? (['smc', 0] as const)
      : call.pc === '0x180'
        ? (['hvc', 1] as const)
        : call.pc === '0x200'
          ? (['smc', 1] as const)
          : (['hvc', 0] as const)
  firmwareCall(vm, vcpu, conduit, immediate)
  return vcpu.x.map(hex)
}

/** The clock of the host is not the model's: only whether it answered is compared. */
const comparable = (call: Call, [x0, ...rest]: readonly string[]): readonly string[] =>
  call.in[0] === PTP && x0 !== hex((1n << 64n) - 1n) ? ['a time'] : [x0!, ...rest]
const recorded = (call: Call): readonly string[] => comparable(call, [call.r!, ...(call.out123 ?? call.in.slice(1))])

describe.skipIf(files.length === 0)('calls of recorded guests', () => {
  test.each(files)('%s', name => {
    const recording = load(name)
    const wrong: unknown[] = []
    let compared = 0
    for (const { calls = [], ver_read } of recording.psci ?? []) {
      const vm = vmOf(recording)
      if (ver_read) vm.version = Number(ver_read)
      for (const call of calls) {
        if (call.r === undefined) continue
        compared++
        const answered = comparable(call, ask(vm, call))
        if (answered.join() !== recorded(call).join()) wrong.push({ call, answered, version: ver_read })
      }
    }
    for (const { reg, val, calls } of recording.fweffect ?? []) {
      const vm = vmOf(recording)
      const id = BigInt(reg)
      // A write of a workaround register changes nothing.
      if (id >= BITMAPS) vm.bitmaps.set(Number(id - BITMAPS), value(val))
      for (const call of calls) {
        compared++
        const answered = comparable(call, ask(vm, call))
        if (answered.join() !== recorded(call).join()) wrong.push({ call, answered, reg, val })
      }
    }
    expect(wrong).toEqual([])
    if (!name.includes('protected')) expect(compared).toBeGreaterThan(60)
  })

  test('a recording without the PSCI matrix gives the rules of the same kernel with it', () => {
    const full = files.filter(name => /^[\d.]+\.json\.gz$/.test(name)).map(name => ({ name, recording: load(name) }))
    for (const { name, recording } of full) {
      const { inferred, ...rules } = firmwareRules(recording)
      const { psci: _psci, event: _event, ...registersOnly } = recording as Recording & { event?: unknown }
      const { inferred: guessed, ...concluded } = firmwareRules(registersOnly)
      expect(inferred).toEqual([])
      expect(guessed.length).toBeGreaterThan(0)
      expect({ name, ...concluded }).toEqual({ name, ...rules })
    }
  })
})
