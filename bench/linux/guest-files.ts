// Owns the kernel and the initramfs that the Linux benches boot: Debian's, as the conformance step fetches them. Undefined where they cannot be had.
import { mkdirSync } from 'node:fs'
import { makeInitramfs } from '../../scripts/linux-guest/initramfs.ts'
import { cacheFolder, Unavailable } from '../../scripts/portable/cache.ts'
import { ArmPackages, fetchKernel, readPackages } from '../../scripts/real-kernel/fetch.ts'

export interface GuestFiles {
  /** Package and version. */
  readonly title: string
  readonly kernel: string
  readonly initrd: string
}

/** `name`: a row of packages.json; the initramfs is made under `folder`. */
export function guestFiles(name: string, folder: string): GuestFiles | undefined {
  const packages = readPackages()
  const row = packages.kernels.find(each => each.name === name)
  if (!row) throw new Error(`packages.json has no kernel ${name}`)
  try {
    mkdirSync(cacheFolder(), { recursive: true })
    const apt = new ArmPackages(
      cacheFolder(),
      [...packages.kernels, ...packages.userland].map(({ suite }) => suite),
    )
    const fetched = fetchKernel(apt, row)
    return fetched && { title: `${fetched.package} ${fetched.version}`, kernel: fetched.image, initrd: makeInitramfs(apt, packages, folder) }
  } catch (error) {
    if (error instanceof Unavailable) return undefined
    throw error
  }
}
