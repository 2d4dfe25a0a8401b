// Owns the check that a device's state has the shape of gic.ts: an archive of a stranger may hold anything under these kinds.
import type { GicState, ItsState } from './gic.ts'
import type { DeviceSnapshot } from './snapshot.ts'

/** The state of a `gic-v2` or `gic-v3` device; undefined for another kind and for a state that has not the common shape. */
export function gicStateOf({ kind, state }: DeviceSnapshot): GicState | undefined {
  if ((kind !== 'gic-v2' && kind !== 'gic-v3') || !isMap(state)) return undefined
  const { distributor, vcpus, lineLevels } = state
  const whole = areRuns(distributor) && Array.isArray(vcpus) && vcpus.every(isVcpu) && (lineLevels === undefined || areNumbers(lineLevels))
  return whole ? (state as unknown as GicState) : undefined
}

/** The state of a `gic-its` device, likewise. */
export function itsStateOf({ kind, state }: DeviceSnapshot): ItsState | undefined {
  return kind === 'gic-its' && isMap(state) && arePairs(state.registers) ? (state as unknown as ItsState) : undefined
}

function isVcpu(value: unknown): boolean {
  if (!isMap(value)) return false
  const { vcpu, registers, systemRegisters, cpuInterface, lineLevel } = value
  return (
    typeof vcpu === 'number' &&
    areRuns(registers) &&
    (systemRegisters === undefined || arePairs(systemRegisters)) &&
    (cpuInterface === undefined || areRuns(cpuInterface)) &&
    (lineLevel === undefined || typeof lineLevel === 'number')
  )
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const areNumbers = (value: unknown): boolean => Array.isArray(value) && value.every(item => typeof item === 'number')
const areRuns = (value: unknown): boolean => Array.isArray(value) && value.every(run => isMap(run) && typeof run.offset === 'number' && areNumbers(run.words))
const arePairs = (value: unknown): boolean =>
  Array.isArray(value) && value.every(pair => Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'number' && typeof pair[1] === 'bigint')
