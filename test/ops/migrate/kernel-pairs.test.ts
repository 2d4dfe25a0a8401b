// Every built-in kernel to every other, in every format that is written: with all that is needed allowed the target takes the output, without it there is
// no output unless the guest cannot tell.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DEFAULT_CPU } from '../../../src/builds/build.ts'
import { listBuilds, loadBuild } from '../../../src/builds/load.ts'
import { writeSnapshotFile } from '../../../src/formats/exporters.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { checkFile } from '../../../src/ops/check/check-file.ts'
import type { VmmId } from '../../../src/ops/load/vmm.ts'
import { migrate } from '../../../src/ops/migrate/migrate.ts'
import { planMigration } from '../../../src/ops/migrate/plan.ts'
import { cloudHypervisorFile, firecrackerFile, freshGuest } from './fresh-guest.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-pairs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const ALL = listBuilds()
  .filter(({ cpu }) => cpu === DEFAULT_CPU)
  .map(({ name }) => name)
const SOME = ['linux-6.12', 'linux-6.18']

interface Format {
  readonly name: string
  readonly kernels: readonly string[]
  readonly vmm: VmmId
  readonly write: (guest: Snapshot, file: string) => Promise<unknown> | unknown
}
const FORMATS: readonly Format[] = [
  { name: 'a.json', kernels: SOME, vmm: 'kvm', write: writeSnapshotFile },
  { name: 'a.psnap', kernels: SOME, vmm: 'kvm', write: writeSnapshotFile },
  { name: 'a.vmstate', kernels: ['linux-5.10', 'linux-6.1', ...SOME], vmm: 'firecracker', write: (guest, file) => writeFileSync(file, firecrackerFile(guest)) },
  { name: 'state.json', kernels: SOME, vmm: 'cloud-hypervisor', write: (guest, file) => writeFileSync(file, cloudHypervisorFile(guest)) },
]

test.each(FORMATS)('$name, written', async ({ name, kernels, vmm, write }) => {
  const counts = { asIs: 0, quietly: 0, withConsent: 0 }
  for (const from of kernels) {
    const input = join(folder, name)
    rmSync(input, { force: true })
    await write(await freshGuest(from), input)
    for (const to of kernels) {
      const pair = `${from} → ${to}`
      const [output, build] = [join(folder, `out-${name}`), loadBuild(to)]
      rmSync(output, { force: true })
      const first = await migrate(input, output, { to: build })
      expect(first.target.vmm, pair).toBe(vmm)
      expect(first.blocked, pair).toEqual([])
      expect(existsSync(output), pair).toBe(first.migratable)
      if (from === to) expect(first.changes, pair).toEqual([])
      if (!first.migratable) {
        expect(first.output).toBeUndefined()
        expect(first.needed.length, pair).toBeGreaterThan(0)
        const second = await migrate(input, output, { to: build, allow: new Set(first.needed) })
        expect(second, pair).toMatchObject({ migratable: true, needed: [], output })
        counts.withConsent++
      } else if (first.changes.length > 0) counts.quietly++
      else {
        counts.asIs++
        expect(readFileSync(output).equals(readFileSync(input)), pair).toBe(true)
      }
      const [result] = await checkFile(output, [build], { digest: false })
      expect(result?.verdict, pair).not.toBe('refused')
      if (first.migratable) expect(result?.verdict, pair).toBe('survives')
    }
  }
  expect(Object.values(counts).reduce((a, b) => a + b)).toBe(kernels.length ** 2)
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(0)
})

test('all kernels, planned: no refusal is left, and nothing that the guest could tell goes without consent', async () => {
  const kinds = new Set<string>()
  for (const from of ALL) {
    const guest = await freshGuest(from)
    for (const to of ALL) {
      const plan = await planMigration(guest, loadBuild(to), { vmm: 'kvm' })
      expect(plan.blocked, `${from} → ${to}`).toEqual([])
      const asks = plan.noticed.length > 0 || plan.steps.some(({ isSafe }) => !isSafe)
      expect(plan.after.verdict, `${from} → ${to}`).toBe(plan.noticed.length > 0 ? 'changed' : 'survives')
      kinds.add(`${plan.before.verdict} ${asks}`)
    }
  }
  expect(kinds).toEqual(new Set(['survives false', 'refused true', 'refused false']))
})
