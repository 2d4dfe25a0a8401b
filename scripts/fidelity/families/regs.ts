// Owns the comparison of register lists and reset values: every set, both vCPUs, in list order (probe.c: sec_regs).

import { hex, isTried, newVm, probeSet, RUNNING, takeSnap } from '../abi-vm.ts'
import type { Family, Row } from '../family.ts'

export const regs: Family = {
  name: 'regs',
  kind: 'recording',
  *run({ recording, build }): Generator<Row> {
    for (const recorded of recording.regs) {
      const set = probeSet(recorded.set)
      const at = recorded.set
      if (recorded.unsupported) {
        yield { key: `${at} unsupported`, expected: true, actual: !isTried(build, set) }
        continue
      }
      const made = newVm(build, set)
      if (recorded.fail || made.fail) {
        yield { key: `${at} fail`, expected: [recorded.fail, recorded.errno], actual: [made.fail?.step, made.fail?.errno] }
        continue
      }
      const [v0, v1] = made.vcpus as [(typeof made.vcpus)[0], (typeof made.vcpus)[0]]
      const first = takeSnap(v0)
      const second = takeSnap(v1)
      yield { key: `${at} n`, expected: recorded.n, actual: first.ids.length }
      yield { key: `${at} mp`, expected: recorded.mp, actual: [v0.getMpState(), v1.getMpState()] }
      yield { key: `${at} order`, expected: (recorded.regs ?? []).map(([id]) => id).join(' '), actual: [...first.ids].map(hex).join(' ') }
      yield { key: `${at} vcpu1_n`, expected: recorded.vcpu1_n, actual: second.ids.length }
      const mine = new Map([...first.ids].map((id, i) => [hex(id), first.values[i]!]))
      const mine1 = new Map([...second.ids].map((id, i) => [hex(id), second.values[i]!]))
      const differs = new Map(recorded.vcpu1_diff ?? [])
      for (const [id, value] of recorded.regs ?? []) {
        const running = RUNNING.has(BigInt(id)) ? ({ notComparable: 'running counter' } as const) : {}
        yield { key: `${at} ${id}`, expected: value, actual: mine.get(id), ...running }
        yield { key: `${at} vcpu1 ${id}`, expected: differs.get(id) ?? value, actual: mine1.get(id), ...running }
      }
    }
  },
}
