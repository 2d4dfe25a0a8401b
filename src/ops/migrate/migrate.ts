// Owns `migrate`: a file, written again in its own format so that a target loads it, when all that this changes is safe or was agreed to. Prints nothing.
import type { Feature } from '../../arch/features.ts'
import type { Build } from '../../builds/build.ts'
import { SnapError } from '../../errors.ts'
import { editorOf } from '../../formats/editors.ts'
import { type InputOptions, withSource } from '../input.ts'
import { defaultVmm } from '../load/default-vmm.ts'
import type { VmmId } from '../load/vmm.ts'
import { resolveBuild } from '../target.ts'
import { requireOtherFile, writeEdited } from '../write-edited.ts'
import type { ChangeCode } from './change-codes.ts'
import { reportOf } from './judge-plan.ts'
import type { MigrateReport } from './migrate-report.ts'
import { planMigration } from './plan.ts'
import { editOf } from './step.ts'

export interface MigrateOptions extends InputOptions {
  /** Built-in build, alias or build file; a Build for callers that have one. */
  readonly to: string | Build
  /** Absent: by the file's format. */
  readonly vmm?: VmmId
  /** `X.Y`: the version that the guest gets, whatever the file holds. */
  readonly pinPsci?: string
  readonly allow?: ReadonlySet<ChangeCode>
  /** Replaces the features that the file names or that are inferred. */
  readonly features?: readonly Feature[]
  readonly overwrite?: boolean
  /** Say what would be done; with an output or without, nothing is written. */
  readonly dryRun?: boolean
  /** Show pointer-authentication keys. */
  readonly secrets?: boolean
}

/**
 * Writes `input` to `output` (`-`: standard output), unless the answer is no: then `migratable` is false and nothing is written. Throws what reading and
 * writing throw, BUILD_UNKNOWN and its like for the target, FORMAT_UNWRITABLE for a format that is only read or that cannot hold an addition, USAGE for
 * an output that is the input, or none.
 */
export async function migrate(input: string, output: string | undefined, options: MigrateOptions): Promise<MigrateReport> {
  if (output === undefined && !options.dryRun) throw new SnapError('USAGE', 'where to?', {}, { hint: 'pass -o FILE, or --dry-run' })
  if (output !== undefined) await requireOtherFile(input, output)
  const build = typeof options.to === 'string' ? await resolveBuild(options.to) : options.to
  return withSource(input, options, async (source, importer, said) => {
    const editor = await editorOf(importer.id, input)
    if (source.folder && output !== undefined) await requireOtherFile(source.name, output)
    const imported = await importer.read(source, options.signal, said)
    try {
      const { snapshot } = imported
      const { vmm, why } = options.vmm === undefined ? defaultVmm(importer.id, snapshot) : { vmm: options.vmm, why: undefined }
      const plan = await planMigration(snapshot, build, {
        vmm,
        format: importer.id,
        ...(why === undefined ? {} : { assumed: why }),
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.features ? { features: options.features } : {}),
        ...(options.pinPsci === undefined ? {} : { pinPsci: options.pinPsci }),
      })
      const report = reportOf(snapshot, plan, options)
      const base = {
        input: { file: source.folder ? input : source.name, format: importer.id },
        target: { build: build.name, kernel: build.kernel.release, cpu: build.host.cpu, vmm },
        features: plan.after.features,
        verdictBefore: plan.before.verdict,
        verdictAfter: plan.after.verdict,
        ...report,
      }
      if (!report.migratable) return base
      const destination = options.dryRun ? undefined : output
      const found = await writeEdited(source, editor, plan.steps.map(editOf), destination, options)
      return { ...base, ...(destination === undefined ? {} : { output: destination }), findings: [...report.findings, ...found] }
    } finally {
      await imported.close?.()
    }
  })
}
