// table of PSCI steps: what a guest that was booted with one PSCI version meets under another. Which functions a version has is arch/psci.ts.
// Sources: facts/kvm-arm64-rules.md §3 (guest side: Linux drivers/firmware/psci/psci.c looks once, at boot) and §4; recordings: postver, psci.
import { describePsciStep, PSCI_VERSIONS, parsePsciVersion } from '../../../arch/psci.ts'
import type { Consequence } from '../check-report.ts'
import type { Case } from './case.ts'

/** What goes wrong for a guest that found the function at boot and calls it where it is not. */
const WHEN_GONE: Readonly<Record<string, string>> = {
  SYSTEM_OFF2:
    'a guest that found it at boot still calls it to hibernate and gets NOT_SUPPORTED; Linux then goes on to an ordinary SYSTEM_OFF, and the host takes the hibernation for a shutdown',
  SYSTEM_RESET2:
    'a guest that found it at boot still calls it and gets NOT_SUPPORTED; Linux calls it for a warm or soft reboot and does not try SYSTEM_RESET after it, so only another handler (EFI) can reboot such a guest',
  PSCI_FEATURES: 'a guest that boots anew, by kexec for instance, finds no optional function',
  SYSTEM_SUSPEND: 'a guest that found it at boot gets NOT_SUPPORTED and does not suspend to memory',
}
/** Linux, drivers/firmware/psci/psci.c, psci_probe(): everything is looked up once, at boot. */
const WHEN_NEW: Readonly<Record<string, string>> = {
  SYSTEM_OFF2:
    'a guest that is up never looks again and hibernates as before; after its next boot it calls SYSTEM_OFF2, and the VMM must know that shutdown flag',
  SYSTEM_RESET2: 'a guest that is up never looks again; after its next boot a warm reboot comes to the VMM as SYSTEM_RESET2',
}

/** `from` and `to` as text; nothing for equal ones and for numbers that are no version. */
export function psciStepWords(from: string, to: string): readonly Consequence[] {
  if (from === to) return []
  let rows: ReturnType<typeof describePsciStep>
  try {
    rows = describePsciStep(from, to)
  } catch {
    return [] // a number that no kernel knows has no functions
  }
  if (rows.length === 0) return [{ code: 'psci-version-changes', message: `PSCI_VERSION answers ${to} where it answered ${from}; the functions are the same` }]
  return rows.map(({ change, name, needs }) => {
    const after = (change === 'vanishes' ? WHEN_GONE : WHEN_NEW)[name]
    const only = needs === undefined ? '' : ` (where ${needs})`
    return { code: `psci-function-${change}`, message: `${name} ${change}${only}${after === undefined ? '' : `: ${after}`}` }
  })
}

/** Which PSCI the guest meets; of a refused version, what it would meet if the VMM went on without it. */
export function psciConsequences({ psci: { saved, afterReplay, targetDefault }, refusals }: Case): readonly Consequence[] {
  const now = afterReplay ?? targetDefault
  if (now === null) return []
  if (saved === null)
    return [
      {
        code: 'psci-default',
        message: `the file holds no PSCI version: the guest gets ${now}, the default of this host, whatever it booted with`,
      },
    ]
  if (saved === now) return []
  const refused = refusals.some(row => row.name === 'KVM_REG_ARM_PSCI_VERSION')
  const lead = refused ? `if skipped: the guest booted with PSCI ${saved} and finds ${now}` : `the guest booted with PSCI ${saved} and finds ${now}`
  const steps = psciStepWords(saved, now)
  return steps.length === 0
    ? [{ code: 'psci-version-changes', message: lead }]
    : steps.map((step, i) => (i === 0 ? { ...step, message: `${lead}: ${step.message}` } : step))
}

/**
 * The version with which a guest could have been started so that this target takes it, where the saved one is refused for being newer than what the target
 * knows. Undefined for any other trouble with the version.
 */
export function olderVersionTaken({ psci: { saved }, refusals, build, features }: Case): string | undefined {
  if (saved === null || !(PSCI_VERSIONS as readonly string[]).includes(saved) || !refusals.some(row => row.name === 'KVM_REG_ARM_PSCI_VERSION'))
    return undefined
  const { accepted, acceptedWithout02 } = build.kernel.psci
  return newestTaken(saved, features.includes('psci_0_2') ? accepted : acceptedWithout02)
}

/** The newest version that the target takes and that is no newer than `version`; undefined when there is none. */
function newestTaken(version: string, accepted: readonly number[]): string | undefined {
  let most: number
  try {
    most = Number(parsePsciVersion(version))
  } catch {
    return undefined
  }
  const best = Math.max(-1, ...accepted.filter(each => each <= most))
  return best < 0 ? undefined : `${best >> 16}.${best & 0xffff}`
}
