// Owns the job that uses the portable tarball as its users do: unpacked, started by its launcher, each command in a process of its own.

import { PORTABLE } from '../initramfs.ts'
import { type Check, check, type Job, said } from '../job.ts'
import type { Step, StepFrame } from '../plan.ts'

/** A process takes a second or two to start in there. */
const SECONDS = 120
const LAUNCHER = `${PORTABLE}/psci-snap`
const LINK = '/tmp/psci-snap'
const SAVED = '/tmp/by-launcher.psnap'
const QUICK = '/tmp/quick.json'
const INTERRUPTED = '/tmp/interrupted.json'
const INTERRUPT_AFTER = 6000

interface Command {
  readonly id: string
  readonly argv: readonly string[]
  readonly status: number
  readonly output: RegExp
  readonly interruptAfter?: number
}

/** In this order: a later one uses what an earlier one wrote. `version` is psci-snap's. */
const commands = (version: string): readonly Command[] => [
  { id: 'the launcher says its version', argv: [LAUNCHER, '--version'], status: 0, output: new RegExp(`^psci-snap ${version.replaceAll('.', '\\.')}\n$`) },
  {
    id: 'a link to the launcher does too',
    argv: ['/bin/sh', '-c', `/bin/busybox ln -s ${LAUNCHER} ${LINK} && exec ${LINK} --version`],
    status: 0,
    output: /^psci-snap /,
  },
  { id: 'a quick probe', argv: [LAUNCHER, 'probe', '--quick', '-o', QUICK, '--json'], status: 0, output: /"ok": true/ },
  { id: 'a guest is saved on this host', argv: [LAUNCHER, 'save', '--backend', 'kvm', '-o', SAVED, '--json'], status: 0, output: /"ok": true/ },
  { id: 'and survives on it', argv: [LAUNCHER, 'restore', SAVED, '--backend', 'kvm', '--dry-run', '--json'], status: 0, output: /"verdict": "survives"/ },
  {
    id: 'check says so as well',
    argv: [LAUNCHER, 'check', SAVED, '--to', 'host', '--json'],
    status: 0,
    output: /"verdict":"survives","target":\{"build":"host"/,
  },
  {
    id: 'SIGTERM ends a probe and leaves no file',
    argv: [
      '/bin/sh',
      '-c',
      `${LAUNCHER} probe -o ${INTERRUPTED} & child=$!; trap 'kill $child' TERM; wait $child; wait $child; status=$?; ls /tmp; exit $status`,
    ],
    status: 130,
    output: /^(?![\s\S]*interrupted)/,
    interruptAfter: INTERRUPT_AFTER,
  },
]

export function portableCommands(version: string): Job {
  const all = commands(version)
  return {
    name: 'commands',
    steps: () =>
      all.map(
        ({ id, argv, interruptAfter }): Step => ({ id, run: 'spawn', argv, seconds: SECONDS, ...(interruptAfter === undefined ? {} : { interruptAfter }) }),
      ),
    judge: ({ step }) =>
      all.flatMap(({ id, status, output }): Check[] => {
        const done = step(id)
        return done === undefined ? [] : [check(id, isAs(done, status, output), () => said(done))]
      }),
  }
}

const isAs = (done: StepFrame, status: number, output: RegExp): boolean => done.status === status && output.test(done.stdout)
