// Owns the initramfs that a real kernel is booted with: busybox to mount and to power off, the C library, the portable tarball with its Node, and what
// the caller adds.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Unavailable } from '../portable/cache.ts'
import { npmPackage } from '../portable/npm-package.ts'
import type { ArmPackages } from './fetch.ts'
import type { Packages } from './packages.ts'

/** PID 1: mounts, then Node with the program; its exit status is said on the serial port, and the machine is switched off. */
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t tmpfs tmp /tmp
exec </dev/null >/dev/ttyAMA0 2>&1
export HOME=/tmp PATH=/bin NO_COLOR=1
cd /tmp
/bin/node /*/main.mjs
echo "~EXIT $?"
/bin/busybox sync
/bin/busybox sleep 1
/bin/busybox poweroff -f
`
/** What the launcher and the contract suite call. */
const APPLETS = ['sh', 'readlink', 'uname', 'cat', 'ls', 'ln', 'cmp', 'grep', 'kill', 'sleep']

/** Where the portable tarball lies unpacked. */
export const PORTABLE = '/opt/psci-snap'

/** What every boot needs, made once: throws Unavailable when a package cannot be had. Without a portable tarball Node and koffi come from their own packages. */
export function baseTree(apt: ArmPackages, cache: string, { userland, node, koffi }: Packages, portable?: string): string {
  const tree = mkdtempSync(join(cache, 'tree-'))
  for (const folder of ['bin', 'lib', 'dev', 'proc', 'sys', 'tmp', 'node_modules', 'opt']) mkdirSync(join(tree, folder), { recursive: true })
  for (const { package: name, version, files } of userland) {
    const unpacked = apt.unpack(name, version) ?? apt.unpack(name)
    if (unpacked === undefined) throw new Unavailable(`Debian's package ${name} for arm64 cannot be had`)
    for (const file of files) cpSync(join(unpacked.folder, file), join(tree, name === 'busybox-static' ? 'bin' : 'lib', basename(file)), { dereference: true })
  }
  for (const applet of APPLETS) symlinkSync('busybox', join(tree, 'bin', applet))
  if (portable !== undefined) unpackPortable(tree, portable)
  else {
    const had = (each: Packages['node']): string => {
      const from = npmPackage(cache, each)
      if (from === undefined) throw new Unavailable(`npm's package ${each.package}@${each.version} cannot be had`)
      return from
    }
    cpSync(join(had(node), 'bin/node'), join(tree, 'bin/node'))
    for (const each of koffi) {
      const to = join(tree, 'node_modules', each.package)
      mkdirSync(dirname(to), { recursive: true })
      cpSync(had(each), to, { recursive: true, filter: source => !/\/(doc|vendor|musl_[^/]*)$/.test(source) })
    }
    chmodSync(join(tree, 'bin/node'), 0o755)
  }
  writeFileSync(join(tree, 'init'), INIT)
  for (const file of ['init', 'bin/busybox', 'lib/ld-linux-aarch64.so.1']) chmodSync(join(tree, file), 0o755)
  return tree
}

/** The tarball as a user unpacks it; the machine's Node and the modules of the program are those in it. */
function unpackPortable(tree: string, tarball: string): void {
  const to = join(tree, PORTABLE)
  mkdirSync(to)
  const { status, stderr } = spawnSync('tar', ['-xzf', tarball, '-C', to, '--strip-components=1'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${tarball} cannot be unpacked: ${stderr}`)
  symlinkSync(`${PORTABLE}/node/bin/node`, join(tree, 'bin/node'))
  for (const name of readdirSync(join(to, 'node_modules'))) symlinkSync(`${PORTABLE}/node_modules/${name}`, join(tree, 'node_modules', name))
}

/** Packs `tree` with `files` (path in the initramfs → file or folder here) as a newc archive: not compressed, an emulated CPU would take seconds. */
export function packInitramfs(tree: string, files: Readonly<Record<string, string>>, output: string): void {
  const added: string[] = []
  try {
    for (const [to, from] of Object.entries(files)) {
      const path = join(tree, to)
      if (existsSync(path)) throw new Error(`the initramfs has a ${to} already`)
      mkdirSync(dirname(path), { recursive: true })
      added.push(path)
      cpSync(from, path, { recursive: true, dereference: true })
    }
    const { status, stderr } = spawnSync('sh', ['-c', 'find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0 > "$1"', 'sh', output], {
      cwd: tree,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`the initramfs cannot be packed (is cpio installed?): ${stderr}`)
  } finally {
    for (const path of added) rmSync(path, { recursive: true, force: true })
  }
}
