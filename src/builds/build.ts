// Owns the type of a build: what one host offers, as kernel rules × host values; how features overlay them is emulator/kvm/vcpu-shape.ts.
import type { FirmwareRules } from './firmware-rules.ts'
import type { HostValues } from './host-values.ts'
import type { KernelRules } from './kernel-rules.ts'

export interface Build {
  /** Exact name: `linux-6.12.117/cortex-a72`, or a build file's own. */
  readonly name: string
  readonly kernel: KernelRules
  readonly host: HostValues
  /** What the kernel answers guests; the same value as `kernel.firmware`. */
  readonly firmware: FirmwareRules
}

/** The CPU of a built-in build whose name says none. */
export const DEFAULT_CPU = 'cortex-a72'

export const buildName = (release: string, cpu: string): string => `linux-${release}/${cpu}`
export const makeBuild = (name: string, kernel: KernelRules, host: HostValues): Build => ({ name, kernel, host, firmware: kernel.firmware })
