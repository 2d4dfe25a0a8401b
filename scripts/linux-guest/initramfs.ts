// Owns the initramfs that Debian's kernels boot to on the built-in machine: busybox, and an init that tells what a check wants to know.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Unavailable } from '../portable/cache.ts'
import type { ArmPackages, Packages } from '../real-kernel/fetch.ts'
import { packInitramfs } from '../real-kernel/initramfs.ts'

/** Lines that the init prints begin so. */
export const MARK = '~'
/** A kernel parameter of ours: no shell, the machine is switched off at once. */
export const AUTO = 'psci_snap_auto'
export const PROMPT = '/ # '

/** PID 1: says which kernel this is, what it has logged with levels and what it knows of PSCI; then a shell, then off. */
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t debugfs debug /sys/kernel/debug
/bin/busybox --install -s /bin
export PATH=/bin HOME=/ PS1='${PROMPT}'
report() {
  echo "${MARK}KERNEL $(uname -r) cpus=$(grep -c ^processor /proc/cpuinfo)"
  while read -r line; do echo "${MARK}PSCI $line"; done </sys/kernel/debug/psci
  dmesg -r | while read -r line; do echo "${MARK}LOG $line"; done
  echo "${MARK}DONE"
}
report 2>/dev/null
[ -e /more ] && sh /more
grep -q ${AUTO} /proc/cmdline || setsid -c sh -c 'sh -i </dev/console >/dev/console 2>&1'
echo "${MARK}BYE"
sync
poweroff -f
`

/**
 * Makes it under `folder` and gives its path. `more`: files that are in it besides, by path; a script `more` is run before the shell. Throws Unavailable when
 * busybox cannot be had.
 */
export const makeInitramfs = (apt: ArmPackages, packages: Packages, folder: string, more: Readonly<Record<string, string>> = {}): string =>
  packBusybox(apt, packages, folder, INIT, more)

/** An initramfs with busybox, this init, and files by their paths in it. Throws Unavailable when busybox cannot be had. */
export function packBusybox(apt: ArmPackages, { userland }: Packages, folder: string, init: string, more: Readonly<Record<string, string>> = {}): string {
  const row = userland.find(each => each.package === 'busybox-static')!
  const unpacked = apt.unpack(row.package, row.version) ?? apt.unpack(row.package)
  if (!unpacked) throw new Unavailable("Debian's package busybox-static for arm64 cannot be had")
  const tree = mkdtempSync(join(folder, 'tree-'))
  try {
    for (const each of ['bin', 'dev', 'proc', 'sys', 'tmp']) mkdirSync(join(tree, each))
    cpSync(join(unpacked.folder, row.files[0]!), join(tree, 'bin/busybox'), { dereference: true })
    writeFileSync(join(tree, 'init'), init)
    for (const each of ['init', 'bin/busybox']) chmodSync(join(tree, each), 0o755)
    const output = join(mkdtempSync(join(folder, 'initramfs-')), 'initramfs.cpio')
    packInitramfs(tree, more, output)
    return output
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}
