// Owns the cases about register lists and values: for every set of features, what is listed, what it holds, and that all of it can be written back.
import { registerName } from '../../src/arch/catalogue/catalogue.ts'
import type { RegId } from '../../src/arch/reg-id.ts'
import type { AbiHost } from '../../src/backends/kvm-abi.ts'
import type { ContractCase, Report } from './contract.ts'
import { hex } from './contract.ts'
import { NotMade, offers, printed, type Rig, RUNNING, SETS, VLS, withRig } from './rig.ts'

const E2BIG = 7
const EPERM = 1
const name = (id: bigint): string => registerName(id as RegId)

/** Of every set that the host has; a case that does not apply looks at nothing. */
const perSet = (what: string, run: (rig: Rig, report: Report) => void): readonly ContractCase[] =>
  SETS.map(set => ({
    name: `${set.name}: ${what}`,
    run(host: AbiHost, report: Report) {
      if (!offers(host, set)) return
      try {
        withRig(host, set, rig => run(rig, report))
      } catch (error) {
        // 5.10 says it has 32-bit guests, and makes none with two vCPUs.
        if (!(error instanceof NotMade)) throw error
        report.saw('not made', error.message)
      }
    },
  }))

const values = (rig: Rig, index: number): ReadonlyMap<bigint, string | number> =>
  new Map(
    [...rig.vcpu(index).regList().ids].map(id => {
      const { errno, bytes } = rig.vcpu(index).getReg(id)
      return [id, bytes ? printed(bytes) : errno]
    }),
  )

export const registerCases: readonly ContractCase[] = [
  ...perSet('the list: order, length, too little room (api.rst, KVM_GET_REG_LIST)', ({ vcpus }, { must, saw }) => {
    const [a, b] = [vcpus[0]!, vcpus[1]!]
    const { errno, n, ids } = a.regList()
    must('errno', errno, 0)
    must('n is the length', n, ids.length)
    saw('list', [...ids].map(hex).join(' '))
    must('ids are unique', new Set(ids).size, n)
    for (const room of [0, 1, n - 1]) must(`room for ${room}`, [a.regList(room).errno, a.regList(room).n], [E2BIG, n])
    must('just enough room', [a.regList(n).errno, a.regList(n).n], [0, n])
    must('more room', [a.regList(n + 100).errno, a.regList(n + 100).n], [0, n])
    must('again', [...a.regList().ids], [...ids])
    must('of vCPU 1', [...b.regList().ids], [...ids])
  }),
  ...perSet('the value of every register, on both vCPUs', (rig, { saw }) => {
    const [first, second] = [values(rig, 0), values(rig, 1)]
    for (const [id, value] of first) if (!RUNNING.has(id)) saw(name(id), value)
    saw(
      'vCPU 1 differs in',
      [...second]
        .filter(([id, value]) => !RUNNING.has(id) && first.get(id) !== value)
        .map(([id, value]) => `${name(id)}=${value}`)
        .join(' '),
    )
  }),
  ...perSet('every register takes back what it gave (selftest get-reg-list)', (rig, { must, saw }) => {
    const vcpu = rig.vcpu(0)
    const before = values(rig, 0)
    const refused: string[] = []
    for (const id of before.keys()) {
      const { errno, bytes } = vcpu.getReg(id)
      const set = bytes ? vcpu.setReg(id, bytes) : errno
      if (set !== (id === VLS ? EPERM : 0)) refused.push(`${name(id)}: ${set}`)
    }
    must('refused', refused, [])
    const after = values(rig, 0)
    must('the list', [...after.keys()].map(hex), [...before.keys()].map(hex))
    // 6.12 resets PMU registers to values that it masks when they are written.
    const changed = [...after].filter(([id, value]) => !RUNNING.has(id) && before.get(id) !== value)
    saw('other values', changed.map(([id, value]) => `${name(id)}: ${before.get(id)} → ${value}`).join(' '))
  }),
  ...perSet('bytes of wide registers stay in order', (rig, { must }) => {
    const vcpu = rig.vcpu(0)
    for (const id of vcpu.regList().ids) {
      const size = 1 << Number((id >> 52n) & 15n)
      if (size < 16 || id === VLS) continue
      const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7 + Number(id & 0xffn)) & 0xff)
      // Vectors are at least 128 bits long; what lies above the vCPU's length reads as zero.
      if (vcpu.setReg(id, bytes) === 0)
        must(name(id), printed((vcpu.getReg(id).bytes ?? new Uint8Array()).subarray(0, shortest(id))), printed(bytes.subarray(0, shortest(id))))
    }
  }),
]

/** Bytes of a vector (16) or predicate (2) register that every vCPU has. */
const shortest = (id: bigint): number => (((id >> 52n) & 15n) === 5n ? 2 : 16)
