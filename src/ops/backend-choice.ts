// Owns `--backend`: where a guest is restored or saved, and that it is let go of afterwards. The only file of the operations that opens /dev/kvm, and only
// when it is asked for: everything else works without arm64, without the device and without koffi.
import type { AbiHost } from '../backends/kvm-abi.ts'
import type { Build } from '../builds/build.ts'
import { SnapError } from '../errors.ts'
import type { BackendName } from './backend-names.ts'
import { emulatorHost } from './live/emulator-host.ts'
import type { LiveHost } from './live/live-host.ts'
import { resolveBuild } from './target.ts'

/** What opens a KVM host; by default /dev/kvm of this machine. Throws BACKEND_ABSENT. */
export type OpenHost = () => Promise<AbiHost>

export interface BackendOptions {
  /** `emulator` (default): the built-in machine, which behaves like `build`. `kvm`: the kernel of this host. */
  readonly backend?: BackendName
  /** Built-in build, alias or build file; a Build for callers that have one. For the built-in machine only. */
  readonly build?: string | Build
  readonly openHost?: OpenHost
}

export const openThisHost: OpenHost = async () => (await import('../backends/kvm/host.ts')).openKvmHost()

/** Gives `use` the place that the options name, and closes it behind it. Throws USAGE, BUILD_UNKNOWN, BACKEND_ABSENT. */
export async function withLiveHost<T>(options: BackendOptions, use: (host: LiveHost) => Promise<T>): Promise<T> {
  const host = await openLiveHost(options)
  try {
    return await use(host)
  } finally {
    host.close()
  }
}

async function openLiveHost({ backend = 'emulator', build, openHost = openThisHost }: BackendOptions): Promise<LiveHost> {
  if (backend === 'emulator') {
    if (build === undefined)
      throw new SnapError(
        'USAGE',
        'the built-in machine needs to know which host to be: --build is missing',
        {},
        { hint: 'a build as `psci-snap builds list` shows them, or a build file; --backend kvm is the kernel of this machine' },
      )
    return emulatorHost(typeof build === 'string' ? await resolveBuild(build) : build)
  }
  if (build !== undefined)
    throw new SnapError('USAGE', '--build is for the built-in machine: with --backend kvm the kernel of this machine answers', {}, { hint: 'leave one out' })
  const { kvmHost } = await import('./live/kvm-host.ts')
  const host = await openHost()
  try {
    return kvmHost(host)
  } catch (error) {
    host.close()
    throw error
  }
}
