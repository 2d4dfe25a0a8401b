// Owns how a set of recorded kernels reads: runs of neighbours as `6.1.192 … 7.3.4`.
import { listBuilds } from '../builds/load.ts'

/** `every recorded kernel`, `none`, `6.16.12 … 7.3.4`, `5.10.223, 6.12.117`. A release that is not built in stands for itself. */
export function kernelsText(kernels: readonly string[]): string {
  const recorded = [...new Set(listBuilds().map(({ release }) => release))]
  if (kernels.length === 0) return 'none'
  if (recorded.every(release => kernels.includes(release))) return 'every recorded kernel'
  const runs: string[][] = []
  for (const kernel of kernels) {
    const last = runs.at(-1)?.at(-1)
    const follows = last !== undefined && recorded.includes(last) && recorded.indexOf(last) + 1 === recorded.indexOf(kernel)
    if (follows) runs.at(-1)?.push(kernel)
    else runs.push([kernel])
  }
  return runs.map(run => (run.length < 3 ? run.join(', ') : `${run[0]} … ${run.at(-1)}`)).join(', ')
}

/** The kernels of a row, and the CPU that was tried when it is not the usual one. */
export const onText = ({ kernels, cpu }: { readonly kernels: readonly string[]; readonly cpu?: string }): string =>
  cpu === undefined ? kernelsText(kernels) : `${kernelsText(kernels)}, CPU ${cpu}`
