// Owns the sections `mpstate` and `timer`: power states that userspace may write, and what writes of counters do (probe.c: sec_misc).
import { mpStateValue } from '../../arch/exits.ts'
import { featureSet } from './feature-sets.ts'
import { GUEST } from './guest-words.ts'
import { describeExit, IPA, type Plain, type PlainRow, type ProbeContext, type ProbeVm, withVm } from './probe-vm.ts'
import { hex, PC, sysreg } from './registers.ts'
import { failed, record, type Section, THOROUGH } from './section.ts'

const SYSTEM_SUSPEND = 216
const STATES = 13
const CNT = sysreg(3, 3, 14, 3, 2)
const PCNT = sysreg(3, 3, 14, 0, 1)
const CVAL = sysreg(3, 3, 14, 0, 2)

export const powerAndTime: Section = {
  label: 'power states and timers',
  in: THOROUGH,
  *run(context) {
    for (const suspend of [false, true]) yield record('mpstate', { cap_suspend: suspend ? 1 : 0, ...powerStates(context, suspend) })
    const timer = withVm(context, featureSet('psci02'), vm => (vm.fail ? undefined : timers(vm)))
    if (timer) yield record('timer', timer)
  },
}

function powerStates(context: ProbeContext, suspend: boolean): PlainRow {
  return withVm(context, featureSet('psci02'), vm => {
    if (vm.fail) return failed(vm)
    const out: PlainRow = suspend ? { enable_errno: vm.vm.enableCapability(SYSTEM_SUSPEND) } : {}
    const a = vm.vcpu(0)
    out.rows = Array.from({ length: STATES }, (_, state): Plain => {
      const errno = a.setMpState(state)
      const row = [state, errno, a.getMpState()]
      vm.makeRunnable(0)
      return row
    })
    if (!suspend) return out
    const set = a.setMpState(mpStateValue('suspended'))
    vm.setup(0)
    vm.set(0, PC, IPA + BigInt(GUEST.store))
    return { ...out, suspended: { set, ...describeExit(vm.runBlocking(0)), mp: a.getMpState() } }
  })
}

function timers(vm: ProbeVm): PlainRow {
  const out: PlainRow = { pre: counters(vm) }
  vm.firstRun()
  out.post = counters(vm)
  out.offset_errno = vm.vm.setCounterOffset(0x1000n)
  out.post_offset = counters(vm)
  return out
}

function counters(vm: ProbeVm): PlainRow {
  const text = (index: number, id: typeof CNT) => vm.text(index, id)
  const before = { cnt0: text(0, CNT), cnt1: text(1, CNT), pcnt0: text(0, PCNT) }
  const first = vm.set(0, CNT, 1n << 45n)
  const after = { cnt0_after: text(0, CNT), cnt1_after: text(1, CNT), pcnt0_after: text(0, PCNT) }
  const second = vm.set(0, PCNT, 1n << 46n)
  const after2 = { cnt0_after2: text(0, CNT), pcnt0_after2: text(0, PCNT) }
  const compare = vm.set(0, CVAL, 0x1_2345_6789n)
  const values = { cval0: hex(vm.get(0, CVAL)), cval1: hex(vm.get(1, CVAL)) }
  return { ...before, 'set_cnt_2^45': first, ...after, 'set_pcnt_2^46': second, ...after2, set_cval: compare, ...values }
}
