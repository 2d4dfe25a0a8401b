// Owns the recorded hosts as `explain` looks at them: kernels oldest first, each with its CPUs; and how equal neighbours become one row.
import type { Build } from '../../builds/build.ts'
import { listBuilds, loadBuild } from '../../builds/load.ts'

export interface KernelHosts {
  readonly release: string
  /** One build a CPU, the default CPU first. */
  readonly builds: readonly Build[]
}

/** Every built-in kernel, oldest first. */
export function builtInKernels(): readonly KernelHosts[] {
  const byRelease = new Map<string, Build[]>()
  for (const { release, name } of listBuilds()) byRelease.set(release, [...(byRelease.get(release) ?? []), loadBuild(name)])
  return [...byRelease].map(([release, builds]) => ({ release, builds }))
}

/** The hosts a question is about: one build, or all that are built in. */
export const hostsOf = (on: Build | undefined): readonly KernelHosts[] => (on ? [{ release: on.kernel.release, builds: [on] }] : builtInKernels())

/** Neighbouring kernels with an equal fact as one row. A fact is plain data without bigint. */
export function spans<T>(rows: readonly { readonly kernel: string; readonly fact: T }[]): readonly { readonly kernels: readonly string[]; readonly fact: T }[] {
  const merged: { kernels: string[]; fact: T; key: string }[] = []
  for (const { kernel, fact } of rows) {
    const key = JSON.stringify(fact)
    const last = merged.at(-1)
    if (last?.key === key) last.kernels.push(kernel)
    else merged.push({ kernels: [kernel], fact, key })
  }
  return merged.map(({ kernels, fact }) => ({ kernels, fact }))
}

/** Releases of the kernels for which something holds. */
export const kernelsWhere = (hosts: readonly KernelHosts[], holds: (build: Build) => boolean): readonly string[] =>
  hosts.filter(({ builds }) => builds.some(holds)).map(({ release }) => release)
