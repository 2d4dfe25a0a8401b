// `builds baseline`, `builds matrix`, `save --baseline` as scripts use them: statuses, JSON, files.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runCommand } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-baseline-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const run = (line: string) => runCommand(line.split(' ').map(word => (/\.(json|psnap)$/.test(word) ? at(word) : word)))

test('a baseline goes into a file, and from there into a guest; a host that cannot is told by register', async () => {
  const made = await run('builds baseline linux-6.16/max linux-7.3/max -o fleet.json --template cpu.json --json')
  expect(made.status).toBe(0)
  const json = made.json() as { ok: boolean; free: boolean; psci: string; moves: unknown[]; vmm: { firecracker: { template: unknown }[] } }
  expect(json).toMatchObject({ ok: true, free: true, psci: '1.3' })
  expect(json.moves.length).toBe(2)
  expect(JSON.parse(readFileSync(at('cpu.json'), 'utf8'))).toEqual(json.vmm.firecracker[0]?.template)
  expect((await run('save --build linux-7.3/max --baseline fleet.json --vcpus 1 -o born.psnap')).status).toBe(0)
  expect((await run('restore born.psnap --build linux-6.16/max --no-run')).status).toBe(0)
  const refused = await run('save --build linux-6.12/max --baseline fleet.json --vcpus 1 -o not.psnap')
  expect(refused.status).toBe(14)
  expect(refused.stderr).toContain("linux-6.12.117/max refuses the baseline's KVM_REG_ARM_PSCI_VERSION = 0x10003 with EINVAL")
})

test('an existing file stays, a file that is no baseline is named, one host is a usage error', async () => {
  expect((await run('builds baseline linux-6.16 linux-7.3 -o kept.json')).status).toBe(0)
  expect((await run('builds baseline linux-6.16 linux-7.3 -o kept.json')).status).toBe(10)
  expect((await run('builds baseline linux-6.16 linux-7.3 -o kept.json --force --quiet')).status).toBe(0)
  writeFileSync(at('wrong.json'), '{"format":"psci-snap-baseline","version":7}')
  const wrong = await run('save --build linux-6.16 --baseline wrong.json -o x.psnap')
  expect(wrong.status).toBe(2)
  expect(wrong.stderr).toContain('wrong.json: version: only version 1 is known')
  expect((await run('builds baseline linux-6.16')).status).toBe(2)
  expect((await run('builds baseline linux-6.16 linux-9.9')).status).toBe(14)
})

test('hosts without a baseline: status 3, the obstacle in the findings', async () => {
  const { status, json } = await run('builds baseline linux-6.12 linux-6.16 --json')
  expect(status).toBe(3)
  const { findings } = json() as { findings: { code: string; message: string; hint?: string }[] }
  expect(findings.filter(({ code }) => code === 'cannot-move-freely').length).toBe(2)
  expect(findings.find(({ message }) => message.includes('TCR2_EL1'))?.hint).toContain('QEMU 11')
})

test('the matrix as JSON: each pair, with a reason and its causes', async () => {
  const { status, json } = await run('builds matrix --from linux-6.12,linux-6.16 --to linux-6.16 --json')
  expect(status).toBe(0)
  expect(json()).toMatchObject({
    ok: true,
    vmm: 'kvm',
    verdicts: { survives: 1, changed: 0, refused: 1 },
    cells: [
      { from: 'linux-6.12.117/cortex-a72', to: 'linux-6.16.12/cortex-a72', verdict: 'refused', causes: ['translation-registers'] },
      { from: 'linux-6.16.12/cortex-a72', to: 'linux-6.16.12/cortex-a72', verdict: 'survives', causes: [] },
    ],
  })
})

test('builds diff says it in words, also as JSON', async () => {
  const { status, json } = await run('builds diff linux-6.12 linux-6.16 --json')
  expect(status).toBe(3)
  const { notices } = json() as { notices: { who: string; code: string; message: string }[] }
  expect(notices[0]).toMatchObject({ who: 'guest', code: 'psci-default' })
  expect(new Set(notices.map(({ who }) => who))).toEqual(new Set(['guest', 'vmm']))
})
