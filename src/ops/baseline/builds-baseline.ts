// Owns `builds baseline`: resolves hosts, finds the baseline, says what VMMs are told, writes the file. Prints nothing. Values are text here.
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import type { Build } from '../../builds/build.ts'
import { SnapError } from '../../errors.ts'
import { writeFileAtomically } from '../../formats/output/atomic-file.ts'
import type { Finding } from '../../model/finding.ts'
import { listed } from '../builds-words/notice.ts'
import { resolveBuild } from '../target.ts'
import { baselineJson } from './baseline.ts'
import { type BaselineOptions, type FoundBaseline, findBaseline, type Move, tryMoves } from './find-baseline.ts'
import { type VmmOptions, vmmOptions } from './vmm-options.ts'

export interface BuildsBaselineOptions extends BaselineOptions {
  /** Where the baseline file goes, and whether it may replace one. */
  readonly output?: string
  /** Where Firecracker's CPU template goes. Throws USAGE when the hosts need more than one. */
  readonly template?: string
  readonly overwrite?: boolean
}

export interface BuildsBaselineReport {
  readonly hosts: readonly string[]
  readonly features: readonly string[]
  readonly gic: string
  readonly psci: string
  /** Every move among the hosts survives. */
  readonly free: boolean
  readonly registers: readonly {
    readonly id: string
    readonly name: string
    readonly value: string
    /** Bits that are meant, when not all. */
    readonly mask?: string
    /** Hosts on which a VMM must write it before the first run. */
    readonly writeOn: readonly string[]
    readonly listedOn?: readonly string[]
  }[]
  /** A guest that is born with the baseline, from every host to every other. */
  readonly moves: readonly Move[]
  /** What stays different whatever a VMM writes. */
  readonly apart: FoundBaseline['apart']
  readonly vmm: VmmOptions & {
    readonly qemu: VmmOptions['qemu'] & {
      /** Moves that QEMU 11.1 loads unnoticed with these options alone, and how many there are. */
      readonly moves: { readonly survive: number; readonly of: number }
    }
  }
  readonly findings: readonly Finding[]
  readonly file?: string
  readonly template?: string
}

/** Throws what resolveBuild and findBaseline throw, OUTPUT_EXISTS and CANNOT_WRITE. */
export async function buildsBaseline(hosts: readonly (string | Build)[], options: BuildsBaselineOptions): Promise<BuildsBaselineReport> {
  const builds: Build[] = []
  for (const host of hosts) builds.push(typeof host === 'string' ? await resolveBuild(host) : host)
  const found = await findBaseline(builds, options)
  const { baseline, moves, apart } = found
  const told = vmmOptions(baseline, builds)
  const byQemu = await tryMoves(
    builds,
    baseline.registers.filter(({ id }) => id === PSCI_VERSION_ID).map(({ id, value }) => ({ id, value })),
    { ...options, vmm: 'qemu-11.1', features: baseline.features, gic: baseline.gic },
  )
  const vmm = {
    ...told,
    qemu: { ...told.qemu, moves: { survive: byQemu.moves.filter(({ verdict }) => verdict === 'survives').length, of: byQemu.moves.length } },
  }
  const json = baselineJson(baseline, vmm)
  if (options.output !== undefined) await writeJson(options.output, json, options)
  if (options.template !== undefined) {
    const [only, ...others] = vmm.firecracker
    if (!only) throw new SnapError('USAGE', 'Firecracker makes no guest with these vCPU features, so there is no template for it')
    if (others.length > 0)
      throw new SnapError(
        'USAGE',
        'these hosts need different CPU templates, because they do not list the same registers',
        {},
        { hint: 'they are in the JSON, one for each set of hosts' },
      )
    await writeJson(options.template, only.template, options)
  }
  const { format: _format, version: _version, obstacles: _obstacles, vmm: _vmm, ...shown } = json
  return {
    ...(shown as unknown as Pick<BuildsBaselineReport, 'hosts' | 'features' | 'gic' | 'psci' | 'free' | 'registers'>),
    moves,
    apart,
    vmm,
    findings: findingsOf(found),
    ...(options.output === undefined ? {} : { file: options.output }),
    ...(options.template === undefined ? {} : { template: options.template }),
  }
}

const writeJson = (path: string, value: object, { overwrite, signal }: BuildsBaselineOptions): Promise<void> =>
  writeFileAtomically(path, { force: overwrite ?? false, ...(signal ? { signal } : {}) }, async sink =>
    sink.write(new TextEncoder().encode(`${JSON.stringify(value, undefined, 1)}\n`)),
  )

function findingsOf({ baseline: { free }, obstacles, apart }: FoundBaseline): readonly Finding[] {
  return [
    ...obstacles.map(({ message, remedy }): Finding => ({ severity: 'warning', code: 'cannot-move-freely', message, hint: remedy })),
    ...(apart.length === 0
      ? []
      : [
          {
            severity: free ? 'info' : 'warning',
            code: 'cannot-be-common',
            message: `no value of these is taken by every host, whatever a VMM writes: ${listed(
              apart.map(({ name }) => name),
              12,
            )}`,
          } as const,
        ]),
  ]
}
