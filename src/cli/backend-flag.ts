// Owns the flag `--backend` of the commands that make VMs. Knows no command.
import { BACKENDS } from '../ops/backend-names.ts'
import { Flags } from './flags.ts'

export const BACKEND_FLAG = Flags.option({
  options: BACKENDS,
  default: 'emulator' as const,
  summary: 'emulator: the built-in machine, which behaves like --build; kvm: the kernel of this arm64 host',
})()
