// Owns the comparison of single guest calls: the PSCI matrix, firmware registers' effects, PSCI_VERSION after the first run, the SMCCC filter,
// and the guest's questions after a replay.

import { GUEST } from '../../../src/ops/probe/guest-words.ts'
import { hex, PSTATE, probeSet, xReg } from '../abi-vm.ts'
import type { Plain, RecordedCall, RecordingFamily, ReplayFamily, Row } from '../family.ts'
import { guestPart } from '../guest-recording.ts'
import { clockAside, describeExit, GuestVm, newPsci, type PlainRow, PSCI_VERSION, returned } from '../guest-vm.ts'
import { writable } from '../replay-rows.ts'
import { dumped } from './replays.ts'

const EL1H_MASKED = 0x3c5n

/** Makes the recorded calls one after the other on vCPU 0. */
function* compareCalls(vm: GuestVm, key: string, calls: readonly RecordedCall[]): Generator<Row> {
  for (const [n, call] of calls.entries()) {
    const actual = vm.repeat(call)
    yield { key: `${key} [${n}] ${call.t ?? ''} ${call.in.join(' ')}`, expected: clockAside({ ...call } as PlainRow), actual: clockAside(actual) }
  }
}

export const psci: RecordingFamily = {
  name: 'psci',
  kind: 'recording',
  *run({ recording, build }) {
    for (const { set, ver, skip, ver_read, calls = [] } of guestPart(recording).psci ?? []) {
      const key = `${set} ${ver}`
      const vm = newPsci(build, probeSet(set), BigInt(ver), false)
      if (skip !== undefined || typeof vm === 'number') {
        yield { key, expected: skip, actual: typeof vm === 'number' ? vm : undefined }
        continue
      }
      yield { key: `${key} ver_read`, expected: ver_read, actual: hex(vm.get(0, PSCI_VERSION)) }
      yield* compareCalls(vm, key, calls)
    }
  },
}

export const psciFeatSuspendCap: RecordingFamily = {
  name: 'psci_feat_suspend_cap',
  kind: 'recording',
  *run({ recording, build }) {
    for (const { set, ver, skip, calls = [] } of guestPart(recording).psci_feat_suspend_cap ?? []) {
      const vm = newPsci(build, probeSet(set), BigInt(ver), true)
      if (skip !== undefined || typeof vm === 'number') yield { key: `${set} ${ver}`, expected: skip, actual: typeof vm === 'number' ? vm : undefined }
      else yield* compareCalls(vm, `${set} ${ver}`, calls)
    }
  },
}

export const fweffect: RecordingFamily = {
  name: 'fweffect',
  kind: 'recording',
  *run({ recording, build }) {
    for (const [n, { reg, val, set_errno, readback, calls }] of (guestPart(recording).fweffect ?? []).entries()) {
      const vm = new GuestVm(build, probeSet('psci02'))
      const errno = vm.set(0, BigInt(reg), BigInt(val))
      const readBack = readback === undefined ? undefined : hex(vm.get(0, BigInt(reg)))
      yield { key: `[${n}] ${reg}=${val}`, expected: [set_errno, readback], actual: [errno, readBack] }
      vm.setup(0)
      yield* compareCalls(vm, `[${n}] ${reg}=${val}`, calls)
    }
  },
}

export const postver: RecordingFamily = {
  name: 'postver',
  kind: 'recording',
  *run({ recording, build }) {
    for (const { rows } of guestPart(recording).postver ?? []) {
      const vm = new GuestVm(build, probeSet('psci02'))
      vm.setup(0)
      for (const [n, [version, via]] of rows.entries()) {
        const errno = n === 0 ? -1 : vm.set(via, PSCI_VERSION, BigInt(version))
        const questions = [[0x8400_0000n], [0x8400_000an, 0x8400_0015n]] as const
        const heard = questions.map(x => (returned(vm.call(0, GUEST.hvc0, x)) ? hex(vm.get(0, xReg(0))) : '0xdead'))
        yield { key: `[${n}] ${version}`, expected: rows[n], actual: [version, via, errno, ...heard] }
      }
    }
  },
}

export const smcccFilter: RecordingFamily = {
  name: 'smccc_filter',
  kind: 'recording',
  *run({ recording, build }) {
    for (const { calls = [], ...expected } of guestPart(recording).smccc_filter ?? []) {
      const vm = new GuestVm(build, probeSet('psci02'))
      const kvm = vm.machine.vm
      const deny = { base: 0x8400_0008, count: 1, action: 'deny' } as const
      const actual: { [key: string]: Plain } = {
        has_errno: kvm.hasSmcccFilter(),
        set_errno: kvm.setSmcccFilter({ base: 0x8400_0000, count: 1, action: 'forward' }),
      }
      if (actual.set_errno === 0) {
        actual.deny_errno = kvm.setSmcccFilter(deny)
        actual.arch_range_errno = kvm.setSmcccFilter({ base: 0x8000_0000, count: 1, action: 'forward' })
        vm.setup(0)
        yield* compareCalls(vm, 'calls', calls)
        actual.postrun_set_errno = kvm.setSmcccFilter(deny)
      }
      yield { key: 'errnos', expected, actual }
    }
  },
}

export const fwrun: RecordingFamily = {
  name: 'fwrun',
  kind: 'recording',
  *run({ recording, build }) {
    for (const { set, ...expected } of guestPart(recording).fwrun ?? []) {
      const vm = new GuestVm(build, probeSet(set))
      vm.setup(0)
      yield { key: set, expected, actual: describeExit(vm.call(0, GUEST.store, [])) }
    }
  },
}

/** psci_sanity(): what the guest hears on a VM that a register list was just written to. */
export const replayGuest: ReplayFamily = {
  name: 'replay-guest',
  kind: 'replay',
  *run({ replay, build, sourceSet }) {
    for (const { set, guest } of replay.sets) {
      const source = sourceSet(set)
      if (!guest || !source) continue
      const vm = new GuestVm(build, probeSet(set))
      for (const index of [0, 1]) {
        const { ids, bytes } = writable(dumped(source, index))
        vm.vcpu(index).setRegs(ids, bytes)
      }
      vm.setup(0)
      vm.set(0, PSTATE, EL1H_MASKED)
      yield* compareCalls(vm, set, guest)
    }
  },
}
