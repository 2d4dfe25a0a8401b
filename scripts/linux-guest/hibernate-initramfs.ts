// Owns the initramfs of a guest that hibernates again and again: it resumes from /dev/vda where it is told to and something is there, else it starts counting,
// and hibernates as soon as it has counted on.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSource } from '../../src/formats/source/open.ts'
import { readAll } from '../../src/formats/source/source.ts'
import { Unavailable } from '../portable/cache.ts'
import { type ArmPackages, type FetchedKernel, fetchModules, findFile, type Packages } from '../real-kernel/fetch.ts'
import { MARK, packBusybox } from './initramfs.ts'

/** What the disk needs, in the order of loading. */
const MODULES = ['virtio_mmio', 'virtio_blk']
const DISK = 'vda'
/** The command line that goes with it; what is left out of the boot is not what is tried. */
export const APPEND = `console=ttyAMA0 no_console_suspend cryptomgr.notests=1 resume=/dev/${DISK}`

/**
 * PID 1. /sys/power/resume does not return when there is something to resume from. Writing to it ends `noresume`, so who writes looks for that first, as the
 * initramfs of distributions does.
 */
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t tmpfs tmp /tmp
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
${MODULES.map(name => `insmod /${name}.ko`).join('\n')}
say() { echo "${MARK}$*"; }
id() { cat /proc/sys/kernel/random/boot_id; }
count() { cat /tmp/count; }
if grep -qw resume=/dev/${DISK} /proc/cmdline && ! grep -qw noresume /proc/cmdline; then
  cat /sys/block/${DISK}/dev >/sys/power/resume
fi
say FRESH $(id) $(uname -r)
mkswap /dev/${DISK} >/dev/null
swapon /dev/${DISK}
echo 0 >/sys/power/image_size
echo 0 >/tmp/count
( n=0; while :; do n=$((n+1)); echo $n >/tmp/next; mv /tmp/next /tmp/count; sleep 0.01; done ) &
grep -q platform /sys/power/disk && echo platform >/sys/power/disk || echo shutdown >/sys/power/disk
cycle=0
while :; do
  cycle=$((cycle+1))
  from=$(count)
  while [ $(count) -lt $((from+3)) ]; do sleep 0.01; done
  say ASLEEP $cycle $(count) $(id)
  echo disk >/sys/power/state || { say FAILED; poweroff -f; }
  say AWAKE $cycle $(count) $(id)
done
`

/** Throws Unavailable when busybox or the kernel's modules cannot be had. */
export async function makeHibernatingInitramfs(apt: ArmPackages, packages: Packages, kernel: FetchedKernel, folder: string): Promise<string> {
  const from = fetchModules(apt, kernel)
  const files: Record<string, string> = {}
  for (const name of MODULES) {
    const path = from === undefined ? undefined : findFile(from, new RegExp(`^${name}\\.ko(\\.xz)?$`))
    if (path === undefined) throw new Unavailable(`module ${name} of ${kernel.package} cannot be had`)
    const plain = join(folder, `${name}.ko`)
    writeFileSync(plain, withoutSignature(await unpacked(path)))
    files[`${name}.ko`] = plain
  }
  return packBusybox(apt, packages, folder, INIT, files)
}

async function unpacked(path: string): Promise<Uint8Array> {
  const source = await openSource(path)
  try {
    return source.packed ? await readAll(source, MOST_BYTES, 'a kernel module') : readFileSync(path)
  } finally {
    await source.close()
  }
}

const MOST_BYTES = 16 << 20
const MAGIC = '~Module signature appended~\n'
/** struct module_signature (Linux include/linux/module_signature.h): its last four bytes are the length of the signature before it, big-endian. */
const TRAILER = 12

/** To check it takes the guest a third of its boot. */
function withoutSignature(module: Uint8Array): Uint8Array {
  const bytes = Buffer.from(module)
  const end = bytes.length - MAGIC.length
  if (bytes.subarray(end).toString('latin1') !== MAGIC) return module
  return module.subarray(0, end - TRAILER - bytes.readUInt32BE(end - 4))
}
