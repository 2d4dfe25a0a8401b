// Owns what `--redact` takes out of a recording: words that say whose machine it is. No register goes: none that KVM shows a guest holds a serial
// number (MIDR_EL1, REVIDR_EL1 and AIDR_EL1 name a revision of a design), and a build without them refuses what the host takes. Random numbers and
// clocks are in no recording at all (normalise.ts).
import { type HostFacts, upstreamRelease } from './host-facts.ts'

/** Options of the kernel's command line that change what KVM offers. Every other one goes. */
const RELEVANT = /^(kvm-arm\.[\w.]+|kvm\.[\w.]+|mitigations|nospectre_\w+|ssbd|spectre_\w+|arm64\.\w+|id_aa64\w+\.\w+|nosve|nosme|nokaslr)(=|$)/

/** The same host, unnamed: `uname -r` is cut to the numbers, `uname -v` and the signature go, the command line keeps what matters to KVM. */
export function redacted(facts: HostFacts): HostFacts {
  const options = facts.commandLine.split(/\s+/).filter(option => RELEVANT.test(option))
  return { ...facts, unameRelease: upstreamRelease(facts), unameVersion: '', commandLine: options.join(' '), signature: '' }
}
