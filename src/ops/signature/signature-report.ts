// Owns the shapes of what `signature` returns: JSON contract. No behaviour.
import type { ComponentDifference } from './compare.ts'
import type { ComponentName } from './components.ts'

export interface SignedComponent {
  readonly name: ComponentName
  /** sha256 of this component alone, hex. */
  readonly digest: string
  readonly words: string
  readonly facts: readonly { readonly key: string; readonly value: string }[]
  /** Keys about which the source says nothing. */
  readonly notKnown: readonly string[]
}

export interface SignedSource {
  readonly kind: 'file' | 'build' | 'host'
  readonly name: string
  /** Of a file. */
  readonly format?: string
  readonly stop?: string
  /** The build that a file names, or the one meant. */
  readonly build?: string
}

/** One environment. */
export interface SignatureReport {
  readonly source: SignedSource
  /** Of the list of components. */
  readonly version: number
  /** sha256, hex. */
  readonly digest: string
  /** `0x` and eight digits. */
  readonly hardwareSignature: string
  readonly components: readonly SignedComponent[]
  /** Components that the source does not say. */
  readonly absent: readonly ComponentName[]
}

export interface SignatureComparison {
  /** No component is known to differ. */
  readonly equal: boolean
  /** Each side says everything that the other says. */
  readonly complete: boolean
  readonly a: SignatureReport
  readonly b: SignatureReport
  readonly differences: readonly (Omit<ComponentDifference, 'facts'> & {
    readonly facts: readonly { readonly key: string; readonly a?: string; readonly b?: string }[]
  })[]
}
