// Makes small judged loads for the words' tests: a few registers of one vCPU, what the target made of them, on a real build.
import { registerName } from '../../../src/arch/catalogue/catalogue.ts'
import { droppable } from '../../../src/arch/droppable.ts'
import type { Feature } from '../../../src/arch/features.ts'
import type { RegId } from '../../../src/arch/reg-id.ts'
import { visibleDifference } from '../../../src/arch/visibility.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import type { Finding } from '../../../src/model/finding.ts'
import { bytesToBigint, registerList, registerValue } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import type { LoadReport } from '../../../src/ops/check/check-report.ts'
import type { Judged } from '../../../src/ops/check/tell.ts'
import type { VmmId } from '../../../src/ops/load/vmm.ts'
import type { Verdict } from '../../../src/ops/reports.ts'
import { showValue } from '../../../src/ops/show-value.ts'

export type Row = readonly [id: bigint, saved: bigint | Uint8Array]

export interface CaseSpec {
  readonly to?: string
  readonly vmm?: VmmId
  readonly features?: readonly Feature[]
  readonly verdict?: Verdict
  /** Saved registers; each may be refused, and may read back otherwise. */
  readonly saved?: readonly Row[]
  readonly refused?: Readonly<Record<string, string>>
  readonly reads?: Readonly<Record<string, bigint>>
  readonly added?: readonly (readonly [bigint, bigint])[]
  readonly missing?: readonly bigint[]
  readonly psci?: { readonly saved?: string | null; readonly after?: string | null }
  readonly load?: Partial<LoadReport>
  readonly findings?: readonly Finding[]
  readonly origin?: Snapshot['origin']
  readonly other?: Judged['other']
}

const key = (id: bigint): string => `0x${id.toString(16).padStart(16, '0')}`

/** Keys of `refused` and `reads` are register names. */
export function judgedCase(spec: CaseSpec): Judged {
  const { to = 'linux-6.1', vmm = 'kvm', features = ['psci_0_2'], saved = [], refused = {}, reads = {}, added = [], missing = [], findings = [] } = spec
  const registers = registerList(saved.map(([id, value]) => [id as RegId, value] as const))
  const guest = { lookup: (id: RegId) => registerValue(registers, id), features }
  const numeric = (value: bigint | Uint8Array): bigint => (typeof value === 'bigint' ? value : bytesToBigint(value))
  const rows = saved.map(([id, value]) => ({ id: id as RegId, name: registerName(id), value }))
  const failures = rows.flatMap(({ id, name, value }) => {
    const errno = refused[name]
    if (errno === undefined) return []
    const there = reads[name]
    const { droppable: may, reason } = droppable(id, numeric(value), errno, { ...guest, ...(there === undefined ? {} : { targetValue: there }) })
    return [{ id: key(id), name, value: typeof value === 'bigint' ? `0x${value.toString(16)}` : showValue(id, value), errno, droppable: may, reason }]
  })
  const differences = rows.flatMap(({ id, name, value }) => {
    const there = reads[name]
    if (there === undefined) return []
    return [
      {
        id: key(id),
        name,
        written: `0x${numeric(value).toString(16)}`,
        readBack: `0x${there.toString(16)}`,
        visible: visibleDifference(id, numeric(value), there, guest).visible,
      },
    ]
  })
  const verdict = spec.verdict ?? (failures.length > 0 ? 'refused' : differences.some(row => row.visible) ? 'changed' : 'survives')
  const [first] = failures
  const outcome = verdict === 'refused' ? 'fails' : 'loads'
  return {
    snapshot: {
      origin: spec.origin ?? {},
      gic: 'v3',
      stop: 'running',
      vm: {},
      vcpus: [{ index: 0, registers, mpState: 'runnable', features }],
      devices: [],
      memory: [],
    },
    build: loadBuild(to),
    load: {
      vmm,
      outcome,
      dropped: [],
      ...(first ? { decidedBy: { stage: 'write', vcpu: 0, id: first.id, register: first.name, errno: first.errno, message: `${first.name} fails` } } : {}),
      ...spec.load,
    },
    verdict,
    features,
    psci: { saved: '1.1', afterReplay: '1.1', observedByGuest: null, observedVia: null, targetDefault: '1.1', ...psciOf(spec.psci) },
    vcpus: [
      {
        index: 0,
        written: saved.length,
        failures,
        differences,
        missingOnTarget: missing.map(key),
        newOnTarget: added.map(([id, value]) => ({ id: key(id), name: registerName(id), value: `0x${value.toString(16)}` })),
      },
    ],
    findings,
    ...(spec.other ? { other: spec.other } : {}),
  }
}

const psciOf = (psci: CaseSpec['psci']) => ({
  ...(psci?.saved === undefined ? {} : { saved: psci.saved }),
  ...(psci?.after === undefined ? {} : { afterReplay: psci.after }),
})

export const FW = { psci: 0x6030_0000_0014_0000n, wa1: 0x6030_0000_0014_0001n, wa2: 0x6030_0000_0014_0002n, wa3: 0x6030_0000_0014_0003n }
export const BMAP = { std: 0x6030_0000_0016_0000n, stdHyp: 0x6030_0000_0016_0001n, vendor: 0x6030_0000_0016_0002n, vendor2: 0x6030_0000_0016_0003n }
export const sysreg = (encoding: number): bigint => 0x6030_0000_0013_0000n | BigInt(encoding)
export const SYS = {
  midr: sysreg(0xc000),
  pfr0: sysreg(0xc020),
  pfr1: sysreg(0xc021),
  dfr0: sysreg(0xc028),
  isar1: sysreg(0xc031),
  mmfr2: sysreg(0xc03a),
  mmfr3: sysreg(0xc03b),
  tcr2: sysreg(0xc103),
  clidr: sysreg(0xc801),
  pmcr: sysreg(0xdce0),
  ptimerCnt: sysreg(0xdf01),
  ptimerCtl: sysreg(0xdf11),
  timerCval: sysreg(0xdf02),
  apiaKeyLo: sysreg(0xc108),
}
