// Owns `verify`: is a file whole, and is what it holds consistent. Every fault is a finding; only a file that cannot be opened or recognised throws.
import { SnapError } from '../errors.ts'
import { consistencyFindings } from '../model/consistency.ts'
import type { Finding } from '../model/finding.ts'
import { lintFindings } from '../model/lints/lints.ts'
import { type InputOptions, withSource } from './input.ts'
import type { VerifyReport } from './reports.ts'

/** Reads the whole file. Throws CANNOT_READ, FORMAT_UNKNOWN, and FORMAT_TOO_NEW or SCHEMA_TOO_NEW: of those nothing can be said. */
export async function verify(file: string, work: InputOptions = {}): Promise<VerifyReport> {
  return withSource(file, work, async (source, importer, said) => {
    const findings: Finding[] = []
    if (importer.id === 'psnap') {
      const { verifyArchive } = await import('../formats/archive/verify.ts')
      const report = await verifyArchive(source, {
        ...(work.signal ? { signal: work.signal } : {}),
        onProgress: (done, total) => work.progress?.({ label: 'verifying', done, total, unit: 'bytes' }),
      })
      findings.push(...report.findings)
    }
    try {
      const { snapshot, findings: notes, guestless } = await importer.read(source, work.signal, said)
      findings.push(...notes.filter(note => !findings.some(known => known.message === note.message)))
      if (!guestless) findings.push(...consistencyFindings(snapshot))
      findings.push(...(await lintFindings(snapshot, findings, work.signal)))
    } catch (error) {
      // An archive's faults are all in the list already; another format is read strictly and stops at its first one.
      const isKnown = findings.some(finding => finding.severity === 'error')
      if (!(error instanceof SnapError) || (TOO_NEW.has(error.code) && !isKnown)) throw error
      if (!isKnown) findings.push(faultOf(error))
    }
    return { valid: !findings.some(finding => finding.severity === 'error'), file: source.folder ? file : source.name, format: importer.id, findings }
  })
}

/** Of such a file nothing can be said. A flipped bit that only looks like a newer version has been found before. */
const TOO_NEW: ReadonlySet<string> = new Set(['FORMAT_TOO_NEW', 'SCHEMA_TOO_NEW', 'CANNOT_READ'])

const faultOf = ({ code, message, at, hint }: SnapError): Finding => ({
  severity: 'error',
  code: code.toLowerCase().replaceAll('_', '-'),
  message: at.offset === undefined ? message : `${message} (at byte ${at.offset})`,
  hint,
})
