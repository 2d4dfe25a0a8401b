// Real QEMU streams carried over to the hosts of the source × destination matrix: accepted there, different only as reported, and where somebody carried
// the same stream over and real QEMU took it, register for register what they made.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { showRegId } from '../../../src/arch/reg-id.ts'
import type { Build } from '../../../src/builds/build.ts'
import { registerEntries } from '../../../src/model/register-list.ts'
import { buildsDerive } from '../../../src/ops/builds.ts'
import { checkFile } from '../../../src/ops/check/check-file.ts'
import { withInput } from '../../../src/ops/input.ts'
import type { VmmId } from '../../../src/ops/load/vmm.ts'
import { CHANGE_CODES, type ChangeCode } from '../../../src/ops/migrate/change-codes.ts'
import { migrate } from '../../../src/ops/migrate/migrate.ts'
import type { MigrateReport } from '../../../src/ops/migrate/migrate-report.ts'
import { showValue } from '../../../src/ops/show-value.ts'
import { resolveBuild } from '../../../src/ops/target.ts'
import { hasSamples, SAMPLES } from '../../formats/importers/qemu/samples.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-migrate-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const sample = (name: string): string => join(SAMPLES, `${name}.mig.gz`)
const output = join(folder, 'out.mig')
const EVERYTHING = new Set(Object.keys(CHANGE_CODES) as ChangeCode[])
const hosts = new Map<string, Build>()

beforeAll(async () => {
  if (!hasSamples) return
  for (const kernel of ['6.1', '6.12', '6.18'])
    for (const row of ['a', 'e']) {
      const file = join(folder, `linux-${kernel}-${row}.json`)
      await buildsDerive(file, { kernel: `linux-${kernel}`, from: [sample(`kvm-x${kernel}-${row}`)] })
      hosts.set(`${kernel}-${row}`, await resolveBuild(file))
    }
})

const registersOf = (file: string): Promise<readonly ReadonlyMap<string, string>[]> =>
  withInput(file, {}, async ({ snapshot }) =>
    snapshot.vcpus.map(({ registers }) => new Map([...registerEntries(registers)].map(([id, bytes]) => [showRegId(id), showValue(id, bytes)]))),
  )

/** The input's registers with the reported changes made. */
async function asReported(file: string, { changes }: MigrateReport) {
  const vcpus = (await registersOf(file)).map(each => new Map(each))
  for (const { vcpu, id, action, before, after } of changes) {
    const list = vcpus[vcpu]!
    expect(list.get(id), id).toBe(before)
    expect(action).toBe(before === undefined ? 'add' : after === undefined ? 'drop' : 'set')
    if (after === undefined) list.delete(id)
    else list.set(id, after)
  }
  return vcpus.map(each => new Map([...each].sort(([a], [b]) => (a < b ? -1 : 1))))
}
const sorted = async (file: string) => (await registersOf(file)).map(each => new Map([...each].sort(([a], [b]) => (a < b ? -1 : 1))))

/** Bytes from the front and from the behind of the registers that two streams share; the description at the end says how many registers there are. */
function requireSameElsewhere(input: Buffer, migrated: Buffer): void {
  const described = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.lastIndexOf(0))
  const [a, b] = [described(input), described(migrated)]
  let [front, behind] = [0, 0]
  while (a[front] === b[front] && front < a.length) front++
  while (a[a.length - 1 - behind] === b[b.length - 1 - behind] && behind < a.length - front) behind++
  // What differs lies in the cpu sections, which hold 16 bytes a register and stand side by side.
  const lists = a.indexOf(Buffer.from([3, 0x63, 0x70, 0x75, 0, 0, 0, 0, 0, 0, 0, 0x16]))
  expect(front).toBeGreaterThan(lists)
  expect(a.length - behind).toBeLessThan(a.lastIndexOf(Buffer.from('fw_cfg', 'latin1')))
  const text = (bytes: Buffer): string =>
    bytes
      .subarray(bytes.lastIndexOf(0) + 1)
      .toString('latin1')
      .replace(/"array_len": ?\d+/g, 'N')
  expect(text(migrated).slice(text(migrated).indexOf('{'))).toBe(text(input).slice(text(input).indexOf('{')))
}

const PAIRS: readonly (readonly [source: string, target: string, vmm: VmmId, needed: readonly string[]])[] = [
  // QEMU refuses these, but for the 11.1 of the third line, which leaves registers out with a message each
  ['kvm-x6.12-a', '6.18-a', 'qemu-10.0', []],
  ['kvm-x6.12-e', '6.18-e', 'qemu-10.0', []],
  ['kvm-x6.12-a', '6.18-a', 'qemu-11.1', []],
  ['kvm-x6.18-a', '6.12-a', 'qemu-10.0', ['psci-version-changed']],
  ['kvm-x6.18-e', '6.12-e', 'qemu-11.1', ['psci-version-changed']],
  ['kvm-x6.18-a', '6.1-a', 'qemu-10.0', ['cache-changed', 'feature-vanishes', 'psci-version-changed', 'register-dropped']],
  ['kvm-x6.18-e', '6.1-e', 'qemu-11.1', ['cache-changed', 'feature-vanishes', 'psci-version-changed', 'register-dropped']],
  // PMCR_EL0.{IMP,IDCODE} of 6.1 become 0 whatever is written
  ['kvm-x6.1-a', '6.12-a', 'qemu-10.0', ['register-changed']],
  ['kvm-x6.1-e', '6.12-e', 'qemu-10.0', []],
  ['kvm-x6.12-a', '6.1-a', 'qemu-10.0', ['cache-changed', 'feature-vanishes', 'register-dropped']],
  ['kvm-x6.12-e', '6.1-e', 'qemu-11.1', ['cache-changed', 'feature-vanishes', 'register-dropped']],
  // guests that ran, on one and on several vCPUs
  ['kvm-k6.18-q11.1-d-gic3-4cpu-on', '6.12-a', 'qemu-11.1', ['psci-version-changed']],
  ['kvm-k6.12-q10.0-c-gic3-2cpu-off', '6.18-a', 'qemu-10.0', []],
]

describe.skipIf(!hasSamples)('QEMU streams', () => {
  test.each(PAIRS)('%s → %s by %s', async (source, target, vmm, needed) => {
    const [file, build] = [sample(source), hosts.get(target)!]
    const asked = await migrate(file, undefined, { to: build, vmm, dryRun: true })
    expect(asked).toMatchObject({ needed, migratable: needed.length === 0, blocked: [] })
    const report = await migrate(file, output, { to: build, vmm, allow: new Set(needed as ChangeCode[]), overwrite: true })
    expect(report).toMatchObject({ migratable: true, needed: [], output })
    expect(report.changes.length).toBeGreaterThan(0)
    expect(await sorted(output)).toEqual(await asReported(file, report))
    requireSameElsewhere(gunzipSync(readFileSync(file)), readFileSync(output))
    const [result] = await checkFile(output, [build], { vmm, digest: false })
    expect(result?.load.outcome).toBe('loads')
    expect(result?.verdict).toBe(needed.includes('register-changed') ? 'changed' : 'survives')
    const again = await migrate(output, undefined, { to: build, vmm, dryRun: true, allow: EVERYTHING })
    expect(again.changes).toEqual([])
  })

  // The sources of both follow from their registers; that real QEMU on that kernel loads them is in the manifest.
  test.each([
    ['crafted-m5-618to612', 'kvm-k6.18-q10.0-a-gic3-1cpu-reset', '6.12-a'],
    ['crafted-m7-618to61-run', 'kvm-k6.18-q10.0-b-gic3-1cpu-run', '6.1-a'],
  ])('%s is what we make of the same stream, all but its description', async (theirs, source, target) => {
    for (const vmm of ['qemu-10.0', 'qemu-11.1'] as const) {
      await migrate(sample(source), output, { to: hosts.get(target)!, vmm, allow: EVERYTHING, overwrite: true })
      expect((await registersOf(output)).map(each => [...each])).toEqual((await registersOf(sample(theirs))).map(each => [...each]))
      const [ours, wanted] = [readFileSync(output), gunzipSync(readFileSync(sample(theirs)))]
      const end = ours.lastIndexOf(0)
      expect(ours.subarray(0, end).equals(wanted.subarray(0, end))).toBe(true)
    }
  })

  test('registers that only the host has stay writable: QEMU writes its own value of them', async () => {
    const [file, to] = [sample('kvm-k6.18-q11.1-p-psci10'), 'linux-6.18/max']
    const report = await migrate(file, output, { to, vmm: 'qemu-11.1', overwrite: true })
    expect(report).toMatchObject({ verdictBefore: 'refused', verdictAfter: 'survives', needed: [] })
    expect(new Set(report.changes.map(({ name, code, allowed }) => `${name} ${code} ${allowed}`))).toEqual(
      new Set(['ID_AA64MMFR3_EL1 feature-appears default', 'ID_AA64PFR2_EL1 feature-appears default']),
    )
  })

  test('a guest of TCG is nothing for KVM, and that is all that is said', async () => {
    const report = await migrate(sample('tcg-q10.0-virt10.0-a72-gic3-1cpu-run'), undefined, { to: 'linux-6.18', dryRun: true, allow: EVERYTHING })
    expect(report).toMatchObject({ migratable: false, changes: [], needed: [], verdictAfter: 'refused' })
    expect(report.blocked).toHaveLength(1)
    expect(report.blocked[0]?.message).toMatch(/TCG/)
  })
})
