// Owns the story that `npm start` tells in one screen: what happens to a guest's firmware when its snapshot meets another host kernel. Runs the
// real command line, step by step, in a folder that is removed afterwards, and shortens what it answers; judges nothing itself.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

process.stdout.on('error', error => {
  if (error.code !== 'EPIPE') throw error // `npm start | head` is no failure
})

const BIN = fileURLToPath(new URL('../bin/run.js', import.meta.url))
const COLUMNS = Math.min(Math.max(process.stdout.columns ?? 120, 80), 140)

// The verdict that each step claims: another one is a failure of `npm start`.
const STORY = [
  {
    say: 'A guest boots on Linux 6.1 and moves to 7.3, where new guests get PSCI 1.3. Every register is written back, so it keeps 1.1.',
    run: ['save --build linux-6.1 -o guest.psnap', 'restore guest.psnap --build linux-7.3'],
    verdict: 'survives',
  },
  {
    say: 'The same with a VMM that skips one register: nothing fails, and the firmware under the guest is another one.',
    run: ['restore guest.psnap --build linux-7.3 --omit KVM_REG_ARM_PSCI_VERSION'],
    verdict: 'changed',
  },
  {
    say: 'The rollback: a guest that booted on 7.3 cannot move to 6.1, and this is why.',
    run: ['save --build linux-7.3 -o new.psnap', 'restore new.psnap --build linux-6.1'],
    verdict: 'refused',
  },
  {
    say: 'To 6.12 it can go back, rewritten: it loses SYSTEM_OFF2, which it might notice, so that had to be allowed.',
    run: ['migrate new.psnap --to linux-6.12 -o older.psnap --allow psci-version-changed', 'restore older.psnap --build linux-6.12'],
    verdict: 'changed',
  },
  {
    say: 'Linux 5.10 to 7.3 with a PMU: PSCI stays 1.0, but firmware services appear that the guest has never seen.',
    run: ['save --build linux-5.10 --features psci_0_2,pmu_v3 -o old-pmu.psnap', 'restore old-pmu.psnap --build linux-7.3'],
    verdict: 'changed',
  },
  {
    say: 'And without a PMU: 5.10 lists PMU registers that nobody asked for, which 7.3 does not take.',
    run: ['save --build linux-5.10 --features psci_0_2 -o old.psnap', 'restore old.psnap --build linux-7.3'],
    verdict: 'refused',
  },
]

const color = process.stdout.isTTY && !process.env.NO_COLOR
const paint = (code, text) => (color ? `\u001b[${code}m${text}\u001b[0m` : text)
const PAINT = { survives: 32, changed: 33, refused: 31 }
const print = line => process.stdout.write(`${line}\n`)

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-story-'))
let failed = false
try {
  STORY.forEach(({ say, run, verdict }, number) => {
    print(`${number === 0 ? '' : '\n'}${paint(1, say)}`)
    const answers = run.map(command => {
      print(paint(2, `$ psci-snap ${command}`))
      const { stdout, stderr } = spawnSync(process.execPath, [BIN, ...command.split(' '), '--json'], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        encoding: 'utf8',
      })
      return answerOf(stdout, stderr)
    })
    const wrong = answers.find(answer => !answer.ok) ?? (answers.at(-1).verdict === verdict ? undefined : answers.at(-1))
    if (wrong?.ok === false) print(paint(31, `${wrong.error.message} (${wrong.error.code})`))
    else report(answers.at(-1))
    if (wrong !== undefined) {
      failed = true
      print(paint(31, `this is not what the story says: ${verdict}`))
    }
  })
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0

function answerOf(stdout, stderr) {
  try {
    return JSON.parse(stdout)
  } catch {
    return { ok: false, error: { code: 'INTERNAL', message: stderr.trim() || 'no answer' } }
  }
}

/** The verdict with PSCI and counts on one line, then what decided it: the errors, or without any the warnings. */
function report({ verdict, psci, vcpus, findings }) {
  const sum = of => vcpus.reduce((all, vcpu) => all + of(vcpu), 0)
  const seen = psci.observedByGuest === null ? 'guest not run' : `seen by the guest ${psci.observedByGuest}`
  const counts = `${sum(vcpu => vcpu.written)} registers written, ${sum(vcpu => vcpu.failures.length)} refused`
  print(
    `${paint(`1;${PAINT[verdict]}`, verdict)}  PSCI saved ${psci.saved}, after replay ${psci.afterReplay}, ${seen}, default here ${psci.targetDefault}; ${counts}`,
  )
  const decisive = findings.some(({ severity }) => severity === 'error') ? 'error' : 'warning'
  for (const { message } of findings.filter(({ severity }) => severity === decisive)) for (const line of wrapped(message)) print(line)
}

function wrapped(message) {
  const lines = []
  let line = '  -'
  for (const word of message.split(' ')) {
    if (line.length + 1 + word.length > COLUMNS) {
      lines.push(line)
      line = '   '
    }
    line += ` ${word}`
  }
  return [...lines, line]
}
