// Owns one row of a report: something the user should judge. Failures that stop the work are SnapErrors instead.

export type Severity = 'error' | 'warning' | 'info'

/** `code` is stable public API, kebab-case. `register` is a name as the catalogue prints it. */
export interface Finding {
  readonly severity: Severity
  readonly code: string
  readonly message: string
  readonly vcpu?: number
  readonly register?: string
  readonly hint?: string
}
