// table
// Owns the codes of what a migration changes, and which of them somebody must agree to: the same codes as the findings of a check where they mean the
// same. Knows no register and no rule; classify*.ts give each change its code.
import { SnapError } from '../../errors.ts'
import { nearMatches } from '../../near-match.ts'

/**
 * One row a code. A change with one of these codes is made without asking when the guest cannot notice it, or when everything that the guest was told
 * stays true; otherwise `--allow CODE` is needed. `meaning` completes "with --allow the guest may meet this:".
 */
export const CHANGE_CODES = {
  'psci-version-changed': 'another PSCI version than the guest booted with: functions that it found at boot answer NOT_SUPPORTED',
  'psci-version-missing': "the file holds no PSCI version, so the guest gets the target's default, whatever it booted with",
  'mitigation-changed': 'another answer about a CPU vulnerability (SMCCC_ARCH_WORKAROUND_1 to 3) than at boot',
  'service-vanished': 'a firmware service that it may use is gone (TRNG, stolen time, vendor services)',
  'service-appeared': 'a firmware service that was switched off, or that its old host did not have, is there',
  'feature-vanishes': 'an ID register announces less than at boot, or something else: code that was chosen at boot may fault or misbehave',
  'cache-changed': 'other caches or cache lines than at boot (CLIDR_EL1, CCSIDR_EL1, CTR_EL0), by which it may maintain its caches',
  'cpu-identity-changed': 'another CPU model or revision (MIDR_EL1, REVIDR_EL1, AIDR_EL1), for which it chose errata workarounds at boot',
  'register-dropped': 'a register of its state is left out, because the target does not have it',
  'register-changed': 'the target keeps another value of a register than the one saved',
  'file-fault': 'what is wrong in the file itself stays wrong: no change of registers repairs it',
} as const satisfies Record<string, string>

export type ChangeCode = keyof typeof CHANGE_CODES

/** Codes that only tell; they never need consent. */
export const TELLING_CODES = {
  'feature-appears': 'an ID register announces more than at boot; what was there stays',
  'psci-pinned': 'the PSCI version that --pin-psci orders',
  'service-kept': 'a firmware bitmap written down so that the target offers what the old host offered, and no more',
} as const satisfies Record<string, string>

export type AnyChangeCode = ChangeCode | keyof typeof TELLING_CODES

const KNOWN = Object.keys(CHANGE_CODES) as readonly ChangeCode[]

/** Parses the values of --allow: codes, also several in one, separated by commas. Throws USAGE with near matches. */
export function parseAllow(texts: readonly string[]): ReadonlySet<ChangeCode> {
  const words = texts
    .flatMap(text => text.split(','))
    .map(word => word.trim())
    .filter(word => word !== '')
  for (const word of words) {
    if ((KNOWN as readonly string[]).includes(word)) continue
    const near = nearMatches(word, KNOWN)
    throw new SnapError(
      'USAGE',
      `there is no change "${word.slice(0, 40)}" to allow${near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`}`,
      {},
      { hint: `known: ${KNOWN.join(', ')}` },
    )
  }
  return new Set(words as ChangeCode[])
}

/** The table as text, for help. */
export const changeCodesText = (): string =>
  Object.entries(CHANGE_CODES)
    .map(([code, meaning]) => `${code}: ${meaning}`)
    .join('\n')
