// Owns the job that saves the built-in guest on the real kernel: the file comes out, is whole, and says what it was saved with. It goes on the shelf for
// the other kernels.
import type { SaveReport } from '../../../src/ops/reports.ts'
import { verify } from '../../../src/ops/verify.ts'
import { type Check, check, failed, type Job, passed, reportOf, said } from '../job.ts'

const FILE = '/tmp/saved.psnap'
const STEP = 'save'
const FOLDER = 'saved'

export const savedOn = (name: string): string => `${FOLDER}/${name}.psnap`
/** Names of the hosts whose guests are on the shelf. */
export const hostsSaved = (files: readonly string[]): readonly string[] =>
  files.flatMap(file => (file.startsWith(`${FOLDER}/`) ? [file.slice(FOLDER.length + 1).replace(/\.psnap$/, '')] : []))

export const saves: Job = {
  name: 'save',
  steps: () => [{ id: STEP, run: 'cli', argv: ['save', '--backend', 'kvm', '-o', FILE, '--json'], send: [FILE] }],
  async judge({ host, step, file }, shelf) {
    const done = step(STEP)
    if (done === undefined) return []
    const report = reportOf<SaveReport>(done)
    const bytes = file(STEP, FILE)
    if (done.status !== 0 || report === undefined || bytes === undefined) return [failed('the built-in guest is saved', said(done))]
    const checks: Check[] = [passed('the built-in guest is saved', `PSCI ${report.psci}, ${report.vcpus} vCPUs, ${bytes.length} bytes`)]
    const path = shelf.put(savedOn(host.name), bytes)
    const { valid, findings } = await verify(path)
    checks.push(check('the archive is whole', valid, () => JSON.stringify(findings)))
    // What the guest was told while it ran, in its own words, against what the file holds.
    checks.push(check('the guest says its PSCI version', report.psci !== null && report.console.includes(`PSCI ${report.psci}`), () => report.console))
    return checks
  },
}
