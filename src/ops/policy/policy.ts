// Owns what a policy is: findings that somebody has accepted, why, and until when. Plain values, so that a policy can be handed to a thread. No I/O.

/** One line of a policy. A finding must match everything that is given. */
export interface Acceptance {
  readonly code: string
  /** A name as the catalogue prints it, or a glob over names; `register-refused` needs a name. */
  readonly register?: string
  /** Target: the exact name of a build, or a glob. */
  readonly build?: string
  /** Where the snapshot was made: the exact name of a build, or a glob. A file that does not say matches nothing. */
  readonly from?: string
  readonly reason: string
  /** Last day on which it applies, YYYY-MM-DD. */
  readonly until: string
}

export interface Policy {
  /** As the user named it. */
  readonly file: string
  readonly accept: readonly Acceptance[]
}

/** The finding that a target refuses a register: the one refusal that a policy can say something about. */
export const REFUSED = 'register-refused'

export const isExpired = ({ until }: Acceptance, today: string): boolean => until < today

/** `mitigation-changed of KVM_REG_ARM_…, on linux-6.1*`: which line of the policy is meant. */
export function showAcceptance({ code, register, build, from }: Acceptance): string {
  return `${code}${register === undefined ? '' : ` of ${register}`}${from === undefined ? '' : `, from ${from}`}${build === undefined ? '' : `, on ${build}`}`
}
