// Owns the initramfs that a real kernel is booted with: Node for arm64 and its libraries, busybox to mount and to power off, koffi, and what the caller adds.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type ArmPackages, npmPackage, type Packages } from './fetch.ts'

/** PID 1: mounts, then Node with the program; its exit status is said on the serial port, and the machine is switched off. */
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t tmpfs tmp /tmp
exec </dev/null >/dev/ttyAMA0 2>&1
export HOME=/tmp PATH=/bin NODE_OPTIONS=
cd /tmp
/bin/node /work/main.mjs
echo "~EXIT $?"
/bin/busybox sync
/bin/busybox sleep 1
/bin/busybox poweroff -f
`

/** What every boot needs, made once: throws when a package cannot be had. */
export function baseTree(apt: ArmPackages, cache: string, { userland, node, koffi }: Packages): string {
  const tree = mkdtempSync(join(cache, 'tree-'))
  for (const folder of ['bin', 'lib', 'dev', 'proc', 'sys', 'tmp', 'work', 'work/node_modules']) mkdirSync(join(tree, folder), { recursive: true })
  for (const { package: name, files } of userland) {
    const unpacked = apt.unpack(name)
    if (unpacked === undefined) throw new Error(`Debian's package ${name} for arm64 cannot be had`)
    for (const file of files) cpSync(join(unpacked, file), join(tree, name === 'busybox-static' ? 'bin' : 'lib', basename(file)), { dereference: true })
  }
  const program = npmPackage(cache, node)
  if (program === undefined) throw new Error(`npm's package ${node.package}@${node.version} cannot be had`)
  cpSync(join(program, 'bin/node'), join(tree, 'bin/node'))
  for (const each of koffi) {
    const from = npmPackage(cache, each)
    if (from === undefined) throw new Error(`npm's package ${each.package}@${each.version} cannot be had`)
    const to = join(tree, 'work/node_modules', each.package)
    mkdirSync(dirname(to), { recursive: true })
    cpSync(from, to, { recursive: true, filter: source => !/\/(doc|vendor|musl_[^/]*)$/.test(source) })
  }
  writeFileSync(join(tree, 'init'), INIT)
  for (const file of ['init', 'bin/node', 'bin/busybox', 'lib/ld-linux-aarch64.so.1']) chmodSync(join(tree, file), 0o755)
  return tree
}

/** Packs `tree` with `files` (path in the initramfs → file or folder here) as a gzipped newc archive. */
export function packInitramfs(tree: string, files: Readonly<Record<string, string>>, output: string): void {
  const added: string[] = []
  try {
    for (const [to, from] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, to)), { recursive: true })
      cpSync(from, join(tree, to), { recursive: true, dereference: true })
      added.push(join(tree, to))
    }
    const { status, stderr } = spawnSync('sh', ['-c', 'find . | cpio -o -H newc --quiet -R 0:0 | gzip -1 > "$1"', 'sh', output], {
      cwd: tree,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`the initramfs cannot be packed: ${stderr}`)
  } finally {
    for (const path of added) rmSync(path, { recursive: true, force: true })
  }
}
