// Owns which snapshots are replayed into real kernels: a few of every format and tool from ../shared where that is there, what is in the repository, and
// guests that the emulator saves as hosts of every built-in kernel.
import { existsSync, mkdirSync } from 'node:fs'
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

/** Below ../shared/samples. Reading one inside takes a second or two, so not all of a kind. */
const SHARED = [
  ...['v29-v38', 'v39-v52', 'v53'].map(folder => `cloud-hypervisor/${folder}`),
  'crosvm/cbor',
  ...['v1.0', 'v1.6', 'v1.10', 'v1.13', 'vmain'].map(version => `firecracker/vmstates/fc-${version}.vmstate`),
  ...['5.10-q7.2-b-gic3-1cpu-run', '6.1-q10.0-e-gic3-1cpu-minimal', '6.12-q10.0-g-gic2-1cpu-run', '6.12-q10.0-i-gic2-1cpu-aarch32'].map(
    name => `qemu/kvm-k${name}.mig.gz`,
  ),
  ...['6.1-q11.1-c-gic3-2cpu-off', '6.18-q11.1-p-psci13', '6.18-q11.1-p-psci01'].map(name => `qemu/kvm-k${name}.mig.gz`),
  ...['c2-psci10', 'c3c-psci99', 'c14-midr', 'c15-pfr0'].map(name => `qemu/crafted-${name}.mig.gz`),
  'qemu/tcg-q7.2-virt7.2-a72-gic3-1cpu-run.mig.gz',
  'qemu/savevm-q10.0-virt10.0-a72-gic3-2cpu-off.qcow2.gz',
]

/** In the repository: always there. */
const OWN = [...['00', '07', '14'].map(n => `fuzz/firecracker-vmstate/seed-${n}.bin`), 'fuzz/stratovirt/seed-00.bin']

/** `folder` takes the guests that are saved for this. */
export async function samples(folder: string): Promise<readonly Sample[]> {
  const found: Sample[] = []
  for (const each of SHARED) {
    const path = join(root, '..', 'shared', 'samples', each)
    if (existsSync(path)) found.push({ name: named(each), path })
  }
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
