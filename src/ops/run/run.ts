// Owns `run`: a guest with a kernel of the user's, or one from a snapshot, with its console, until it ends or gets where it is wanted. Prints nothing.
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import { emulatorHost } from '../live/emulator-host.ts'
import type { RunReport, Verdict } from '../reports.ts'
import { resolveBuild } from '../target.ts'
import { requireWakeOptions } from '../wake/wake-flags.ts'
import { type WakeOptions, wakeGuest } from '../wake/wake-guest.ts'
import { bootGuest, type Guest, type GuestOptions } from './boot-guest.ts'
import type { ConsolePort } from './console-port.ts'
import { continueGuest } from './continue-guest.ts'
import { exitLine, SKIPPED_CODE } from './exit-line.ts'
import { newestBuild } from './newest-build.ts'
import { type GuestEnd, guestEars, type LoopOptions, runLoop } from './run-loop.ts'
import { isReached, needsSuspend, parseRunPoint } from './run-point.ts'
import { psciOf } from './saved-guest.ts'

export interface RunOptions extends Omit<GuestOptions, 'kernel'>, Omit<LoopOptions, 'until'>, Pick<WakeOptions, 'recordedPaths' | 'acceptChanged' | 'clean'> {
  /** A snapshot to run on, or … */
  readonly file?: string
  /** … one of a guest that hibernated, to be woken; `kernel`, `initrd` and `disks` then name its files again. Or … */
  readonly wake?: string
  /** … a kernel to boot. */
  readonly kernel?: string
  /** Default: of a snapshot, the build that it was saved on; else the newest built-in one. */
  readonly build?: string
  /** As `--until` says it; default: until the guest ends. */
  readonly until?: string
  /** Run a snapshot on even after a refusal. */
  readonly force?: boolean
  /** Keep what the guest prints for the report. */
  readonly keepConsole?: boolean
}

/** Throws USAGE, BUILD_UNKNOWN, CANNOT_EXECUTE and what reading the files throws. */
export async function run(options: RunOptions): Promise<RunReport> {
  const { file, kernel, wake, port } = options
  requireWakeOptions(options)
  if (wake !== undefined ? file !== undefined : (file === undefined) === (kernel === undefined))
    throw new SnapError('USAGE', 'run needs a snapshot to run on, or a kernel to boot', {}, { hint: 'psci-snap run FILE, or psci-snap run --kernel IMAGE' })
  const until = options.until === undefined ? ({ kind: 'end' } as const) : parseRunPoint(options.until)
  const ears = guestEars()
  const line = exitLine()
  const decoder = new TextDecoder('latin1')
  const listening: ConsolePort = {
    ...port,
    get isOpen() {
      return port.isOpen
    },
    get wantsToLeave() {
      return port.wantsToLeave
    },
    write(bytes) {
      line.hears(decoder.decode(bytes))
      return port.write(bytes)
    },
  }
  const loop = async (guest: Guest): Promise<{ readonly end: GuestEnd; readonly counts: Counts }> => {
    const before = { instructions: guest.vm.spent, time: guest.vm.stepped?.now() ?? 0 }
    const end = await runLoop(guest, ears, { ...options, until, port: listening })
    return {
      end,
      counts: {
        vcpus: guest.vcpus.length,
        psci: await psciOf(guest),
        instructions: guest.vm.spent - before.instructions,
        seconds: ((guest.vm.stepped?.now() ?? 0) - before.time) / 1e9,
        ...(options.keepConsole ? { console: guest.vm.console() } : {}),
      },
    }
  }
  const report = (
    build: string,
    { end, counts }: { readonly end: GuestEnd; readonly counts: Counts },
    source?: RunReport['source'],
    findings: readonly Finding[] = [],
  ): RunReport => {
    const { exit } = line
    return {
      build,
      ...counts,
      end: end.kind === 'ended' ? 'guest' : end.kind,
      stop: end.kind === 'ended' ? end.stop : 'running',
      ...(exit ? { exit } : {}),
      ...(options.until === undefined ? {} : { until: { point: options.until, reached: isReached(end, until) } }),
      ...(source ? { source } : {}),
      findings: [...findings, ...endFindings(end)],
    }
  }
  if (wake !== undefined)
    return wakeGuest(wake, options, ears, {
      woken: async (guest, { host, wake: about, findings }) => ({ ...report(host.name, await loop(guest), undefined, findings), wake: about }),
      refused: ({ host, wake: about, findings }) => ({
        build: host.name,
        vcpus: 0,
        psci: null,
        end: 'refused',
        stop: about.stop,
        instructions: 0,
        seconds: 0,
        ...(options.until === undefined ? {} : { until: { point: options.until, reached: false } }),
        wake: about,
        findings,
      }),
    })
  if (kernel !== undefined) {
    const host = emulatorHost(await resolveBuild(options.build ?? newestBuild()))
    const guest = await bootGuest(host, { ...options, kernel }, { ...ears, ...(needsSuspend(until) ? { systemSuspend: true } : {}) })
    try {
      return report(host.name, await loop(guest))
    } finally {
      await guest.close()
    }
  }
  return continueGuest(file!, options, ears, async (guest, { host, build, verdict, findings }) =>
    report(host, await loop(guest), { file: file!, ...(build === undefined ? {} : { build }), verdict }, findings),
  )
}

interface Counts extends Pick<RunReport, 'vcpus' | 'psci' | 'instructions' | 'seconds' | 'console'> {}

function endFindings(end: GuestEnd): readonly Finding[] {
  if (end.kind === 'limit') return [{ severity: 'warning', code: 'run-limit', message: `the guest was still running after ${end.what}` }]
  if (end.kind === 'idle') return [{ severity: 'warning', code: 'run-idle', message: 'every vCPU waits for something that never happens' }]
  return []
}

/** 3: the guest's own tests failed, it did not get where it was wanted, or a move did not keep what it saw. */
export function runStatus({ exit, until, end, source }: Pick<RunReport, 'exit' | 'until' | 'end' | 'source'>): 0 | 3 {
  const failed: boolean = exit !== undefined && exit.code !== 0 && exit.code !== SKIPPED_CODE
  const moved: Verdict = source?.verdict ?? 'survives'
  return failed || until?.reached === false || end === 'limit' || end === 'idle' || end === 'refused' || moved === 'refused' ? 3 : 0
}
