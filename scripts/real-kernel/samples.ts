// Owns which snapshots are replayed into real kernels: those of ../shared where that is there, a few in the repository, and guests that the emulator saves as hosts of every built-in kernel.
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_CPU } from '../../src/builds/build.ts'
import { listBuilds } from '../../src/builds/load.ts'
import { save } from '../../src/ops/save.ts'
import { root } from '../prepare.mjs'

export interface Sample {
  /** A word for it, usable in a file name. */
  readonly name: string
  /** A file or a folder. */
  readonly path: string
}

const SHARED = join(root, '..', 'shared', 'samples')

/** Below ../shared/samples: what was saved on KVM, all of it; of QEMU's own emulation, whose registers no KVM has, a few. */
const WANTED: readonly { readonly folder: string; readonly names: RegExp }[] = [
  { folder: 'cloud-hypervisor', names: /^v\d/ },
  { folder: 'crosvm', names: /^cbor$/ },
  { folder: 'firecracker/vmstates', names: /\.vmstate$/ },
  { folder: 'qemu', names: /^(kvm|crafted|libvirt[\d.]+)-.*\.gz$|^savevm-q10\.0.*\.gz$|^tcg-q7\.2-virt7\.2-(a72|nn1).*-(run|on)\.mig\.gz$/ },
]

/** In the repository: always there. */
const OWN = [...['00', '07', '14'].map(n => `fuzz/firecracker-vmstate/seed-${n}.bin`), 'fuzz/stratovirt/seed-00.bin']

/** `folder` takes the guests that are saved for this. */
export async function samples(folder: string): Promise<readonly Sample[]> {
  const found: Sample[] = []
  for (const { folder: from, names } of WANTED)
    for (const name of existsSync(join(SHARED, from)) ? readdirSync(join(SHARED, from)).sort() : [])
      if (names.test(name)) found.push({ name: named(`${from}/${name}`), path: join(SHARED, from, name) })
  for (const each of OWN) found.push({ name: named(each), path: join(root, 'test', 'data', each) })
  mkdirSync(folder, { recursive: true })
  for (const { name, release, cpu } of listBuilds()) {
    if (cpu !== DEFAULT_CPU) continue
    const path = join(folder, `emulated-${release}.json`)
    await save(path, { build: name, vcpus: 1, overwrite: true })
    found.push({ name: `emulated-${release}`, path })
  }
  return found
}

const named = (path: string): string => path.replaceAll('/', '-')
