// Owns the comparison of power states, timers and capabilities (probe.c: sec_misc, sec_caps).

import { CAPABILITY_NUMBERS } from '../../../src/builds/recorded/capabilities.ts'
import { KVM_CAP } from '../../../src/emulator/kvm/abi.ts'
import type { Vcpu } from '../../../src/emulator/kvm/vcpu.ts'
import { Vm } from '../../../src/emulator/kvm/vm.ts'
import { firstRun, getReg64, hex, newVm, probeSet, setReg64, sysreg } from '../abi-vm.ts'
import type { Family, NotComparable, Plain, RecordingContext, Row } from '../family.ts'

const EINTR = 4
const SUSPENDED = 10

export const mpstate: Family = {
  name: 'mpstate',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    for (const recorded of recording.mpstate) {
      const made = newVm(build, probeSet('psci02'))
      const v0 = made.vcpus[0]!
      const at = `cap ${recorded.cap_suspend}`
      if (recorded.cap_suspend) yield { key: `${at} enable`, expected: recorded.enable_errno, actual: made.vm.enableCapability(KVM_CAP.systemSuspend) }
      for (let state = 0; state < 13; state++) {
        const errno = v0.setMpState(state)
        yield { key: `${at} ${state}`, expected: recorded.rows[state] as Plain, actual: [state, errno, v0.getMpState()] }
        v0.setMpState(0)
      }
      if (!recorded.suspended) continue
      const set = v0.setMpState(SUSPENDED)
      // A suspended vCPU waits in KVM_RUN until the probe's signal; one that could not be suspended runs the guest's store.
      const ran = v0.enterRun() || (v0.getMpState() === SUSPENDED ? EINTR : 0)
      const exit = ran ? { run_errno: ran } : { exit: 'MMIO', mmio: '0x9000000', data: '0x0' }
      yield { key: `${at} suspended`, expected: recorded.suspended as Plain, actual: { set, ...exit, mp: v0.getMpState() } }
    }
  },
}

const CNT = sysreg(3, 3, 14, 3, 2)
const PCNT = sysreg(3, 3, 14, 0, 1)
const CVAL = sysreg(3, 3, 14, 0, 2)
const ABSENT = '0xbad0bad0bad0bad0'
/** A counter that ran for less than this since it was written, or since the host started. */
const SOON = 1n << 44n

/** What of a running counter's value can be compared: what it was last set to, give or take the time since; or that it is absent. */
function about(value: Plain, starts: readonly bigint[]): Plain {
  if (typeof value !== 'string' || value === ABSENT) return value
  const count = BigInt(value)
  const start = starts.find(each => count >= each && count - each < SOON)
  return start === undefined ? 'elsewhere' : `from ${hex(start)}`
}

export const timer: Family = {
  name: 'timer',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    const recorded = recording.timer[0]
    if (!recorded) return
    const made = newVm(build, probeSet('psci02'))
    const [a, b] = made.vcpus as [Vcpu, Vcpu]
    for (const phase of ['pre', 'post', 'post_offset']) {
      if (phase === 'post') firstRun(made)
      if (phase === 'post_offset') yield { key: 'offset_errno', expected: recorded.offset_errno as Plain, actual: made.vm.setCounterOffset(0x1000n) }
      const mine: Record<string, Plain> = { cnt0: hex(getReg64(a, CNT)), cnt1: hex(getReg64(b, CNT)), pcnt0: hex(getReg64(a, PCNT)) }
      mine['set_cnt_2^45'] = setReg64(a, CNT, 1n << 45n)
      Object.assign(mine, { cnt0_after: hex(getReg64(a, CNT)), cnt1_after: hex(getReg64(b, CNT)), pcnt0_after: hex(getReg64(a, PCNT)) })
      mine['set_pcnt_2^46'] = setReg64(a, PCNT, 1n << 46n)
      Object.assign(mine, { cnt0_after2: hex(getReg64(a, CNT)), pcnt0_after2: hex(getReg64(a, PCNT)), set_cval: setReg64(a, CVAL, 0x1_2345_6789n) })
      Object.assign(mine, { cval0: hex(getReg64(a, CVAL)), cval1: hex(getReg64(b, CVAL)) })
      const theirs = recorded[phase] as Readonly<Record<string, Plain>>
      for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
        const isCounter = /^p?cnt\d/.test(key)
        const starts = [1n << 46n, 1n << 45n, 0n]
        const expected = isCounter ? about(theirs[key], starts) : theirs[key]
        const actual = isCounter ? about(mine[key] === hex(BigInt.asUintN(64, -0x1000n)) ? '0x0' : mine[key], starts) : mine[key]
        yield { key: `${phase} ${key}`, expected, actual }
      }
    }
  },
}

/** Capabilities whose answer is the host machine's, not KVM's: the number of its CPUs. */
const PHYSICAL: ReadonlySet<string> = new Set(['NR_VCPUS'])

export const caps: Family = {
  name: 'caps',
  kind: 'recording',
  *run({ recording, build }: RecordingContext): Generator<Row> {
    const vm = new Vm(build)
    for (const [name, [onKvm, onVm]] of Object.entries(recording.meta.caps)) {
      const number = CAPABILITY_NUMBERS[name]
      const physical: { notComparable?: NotComparable } = PHYSICAL.has(name) ? { notComparable: 'physical host' } : {}
      const actual = number === undefined ? undefined : [build.host.capabilities.get(number)?.[0] ?? 0, vm.checkExtension(number)]
      yield { key: name, expected: [onKvm, onVm], actual, ...physical }
    }
  },
}
