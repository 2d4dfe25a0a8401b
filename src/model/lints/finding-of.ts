// Owns the making of a lint's finding: severity and advice come from the table, what was seen from the caller.
import type { Finding } from '../finding.ts'
import { LINTS, type LintCode } from './table.ts'

export function lintFinding(code: LintCode, message: string, where: { readonly vcpu?: number; readonly register?: string } = {}): Finding {
  const row = LINTS.find(lint => lint.code === code)
  return { severity: row?.severity ?? 'warning', code, ...where, message, ...(row ? { hint: row.remedy } : {}) }
}
