// Owns the story that `npm start` tells: what happens to a guest's firmware when its snapshot meets another host kernel. Runs the real command
// line, step by step, in a folder that is removed afterwards; judges nothing itself.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../bin/run.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'psci-snap-story-'))
const color = process.stdout.isTTY && !process.env.NO_COLOR
const paint = (code, text) => (color ? `\u001b[${code}m${text}\u001b[0m` : text)

// What each step shows, and the exit status that the story claims: another one is a failure of `npm start`.
const STORY = [
  {
    say: 'A guest boots on a Linux 6.1 host, starts its vCPUs and asks the firmware who it is.',
    run: ['save', '--build', 'linux-6.1', '-o', 'guest.psnap'],
    status: 0,
  },
  {
    say: 'Its snapshot goes to a Linux 7.3 host. New guests get PSCI 1.3 there; this one keeps 1.1.',
    run: ['restore', 'guest.psnap', '--build', 'linux-7.3'],
    status: 0,
  },
  {
    say: 'The same, with a VMM that skips one register: nothing fails, and the firmware is another one.',
    run: ['restore', 'guest.psnap', '--build', 'linux-7.3', '--omit', 'KVM_REG_ARM_PSCI_VERSION'],
    status: 3,
  },
  {
    say: 'And back: a guest of Linux 7.3 on Linux 6.1.',
    first: ['save', '--build', 'linux-7.3', '-o', 'new.psnap'],
    run: ['restore', 'new.psnap', '--build', 'linux-6.1'],
    status: 3,
  },
  {
    say: 'Linux 5.10 to 7.3, PMU agreed: PSCI stays 1.0, but services appear that were not there.',
    first: ['save', '--build', 'linux-5.10', '--features', 'psci_0_2,pmu_v3', '-o', 'old-pmu.psnap'],
    run: ['restore', 'old-pmu.psnap', '--build', 'linux-7.3'],
    status: 3,
  },
  {
    say: 'The same without a PMU: 5.10 lists PMU registers that nobody asked for, and 7.3 does not know them.',
    first: ['save', '--build', 'linux-5.10', '--features', 'psci_0_2', '-o', 'old.psnap'],
    run: ['restore', 'old.psnap', '--build', 'linux-7.3'],
    status: 3,
  },
]

let failed = false
for (const { say, first, run, status } of STORY) {
  process.stdout.write(`\n${paint(1, say)}\n`)
  const commands = first === undefined ? [run] : [first, run]
  for (const words of commands) {
    process.stdout.write(`${paint(2, `$ psci-snap ${words.join(' ')}`)}\n`)
    const last = words === run
    const {
      status: got,
      stdout,
      stderr,
    } = spawnSync(process.execPath, [BIN, ...words, ...(last ? [] : ['--quiet'])], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(color && { FORCE_COLOR: '1' }) },
    })
    process.stdout.write(`${stdout}${stderr}`)
    if (got !== (last ? status : 0)) {
      failed = true
      process.stdout.write(paint(31, `(exit status ${got}; the story expects ${last ? status : 0})\n`))
    }
  }
}
rmSync(folder, { recursive: true, force: true })
process.exitCode = failed ? 1 : 0
