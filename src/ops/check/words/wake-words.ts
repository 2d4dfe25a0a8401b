// Owns what is said beside the verdict on a guest that hibernated: what it would meet, what its VMM must write, how to boot clean instead. Decides nothing.
import type { VmmId } from '../../load/vmm.ts'
import type { Advice, Consequence, WakeAnswer } from '../check-report.ts'
import type { WakeAttempt } from '../wake.ts'
import { familyOf } from './vmm-options.ts'

/** Pins that are written out; more are a number. */
const MOST_PINS = 6

/** FILE stands for the file, as in all commands of advice. */
export function wakeWords(
  { wake, psci }: WakeAttempt,
  vmm: VmmId,
  build: string,
): { readonly consequences: readonly Consequence[]; readonly advice: readonly Advice[] } {
  return {
    consequences: wake.differences.flatMap(({ component, meets }) =>
      meets.map(message => ({ code: `wake-${component}`, message: `resuming all the same: ${message}` })),
    ),
    advice: wake.differences.length === 0 ? pin(wake, vmm, psci.saved) : clean(wake, build),
  }
}

function pin({ pins }: WakeAnswer, vmm: VmmId, psci: string | null): readonly Advice[] {
  if (pins.length === 0) return []
  const shown = pins.slice(0, MOST_PINS).map(({ name, value, vcpu, component }) => `${name} = ${value}${component === 'topology' ? ` on vCPU ${vcpu}` : ''}`)
  const rest = pins.length - shown.length
  const option = pins.some(({ component }) => component === 'psci') && familyOf(vmm) === 'qemu' && psci !== null
  return [
    {
      code: 'pin',
      message: `the VMM writes, after KVM_ARM_VCPU_INIT and before the first KVM_RUN: ${shown.join(', ')}${rest === 0 ? '' : ` and ${rest} more (--json lists them)`}`,
    },
    ...(option ? [{ code: 'pin-option', message: `QEMU 11 and later: -cpu host,kvm-psci-version=${psci}` }] : []),
  ]
}

const clean = ({ signature }: WakeAnswer, build: string): readonly Advice[] => [
  {
    code: 'wake-elsewhere',
    message: 'wake it on a host that offers the same environment; what differs here, component by component:',
    command: `psci-snap signature FILE ${build}`,
  },
  {
    code: 'boot-clean',
    message: `or boot it clean, which loses what was not saved: with another hardware signature in its FACS than ${signature.hardwareSignature}, or for a device-tree guest with \`noresume\` on its command line`,
  },
]
