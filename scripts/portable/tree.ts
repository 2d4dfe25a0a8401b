// Owns what is in the portable tarball: which files, from where, under which names. Writes no archive.
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { Unavailable } from './cache.ts'
import { licenceOf, shippedPackages } from './licences.ts'
import { npmPackage, type PortablePackages } from './npm-package.ts'

/** Finds itself behind any links, and starts the Node beside it. Only what every POSIX shell has, and readlink for links. */
const LAUNCHER = `#!/bin/sh
# Starts psci-snap with the Node that lies beside it.
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=\${self%/*}/$link ;;
  esac
done
here=$(cd "\${self%/*}" && pwd -P) || exit 10
exec "$here/node/bin/node" "$here/bin/run.js" "$@"
`

const readMe = (version: string, node: string): string => `psci-snap ${version} for arm64 Linux, with Node ${node} inside.

Unpack it anywhere and run ./psci-snap; a link to that file from a folder of the PATH works too. Nothing is installed, nothing is written outside
of what a command is told to write. To remove it, remove this folder.

  ./psci-snap probe -o this-host.json         records this host as a build
  ./psci-snap restore FILE --backend kvm      replays a saved guest on this host's KVM, in a VM that is thrown away
  ./psci-snap --help

It needs arm64 Linux with glibc 2.28 or newer and libstdc++ (any Debian, Ubuntu, Fedora, SUSE or Amazon Linux of the last years; not Alpine).
What speaks to KVM needs /dev/kvm and the permission to open it (group kvm, or root).

LICENSE is psci-snap's own; LICENSES/ has those of what is inside (that of zstd stands in node.txt).
`

/** What of a package a running program needs. */
const KOFFI_LEFT_OUT = /\/(doc|vendor|koffi\/lib|musl_[^/]*|cnoke\.cjs|[^/]*\.(md|d\.ts|cc|hh|inc|def|S|asm|txt))$/
const ZOD_LEFT_OUT = /\/(src|v3|v4-mini|mini)$|\.(cjs|d\.ts|d\.cts|md)$/

/** Fills `folder`. The bundle must be built. Throws when a package cannot be had. */
export function makeTree(root: string, folder: string, cache: string, { node, koffi }: PortablePackages): void {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const put = (to: string, from: string, leftOut?: RegExp): void => {
    mkdirSync(dirname(join(folder, to)), { recursive: true })
    cpSync(from, join(folder, to), { recursive: true, dereference: true, filter: source => !leftOut?.test(`/${relative(dirname(from), source)}`) })
  }
  const write = (to: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(folder, to)), { recursive: true })
    writeFileSync(join(folder, to), text)
    chmodSync(join(folder, to), mode)
  }
  const had = (each: Parameters<typeof npmPackage>[1]): string => {
    const from = npmPackage(cache, each)
    if (from === undefined) throw new Unavailable(`npm's package ${each.package}@${each.version} cannot be had (is the network there?)`)
    return from
  }
  write('psci-snap', LAUNCHER, 0o755)
  write('README', readMe(version, node.version))
  for (const file of ['bin/run.js', 'LICENSE', 'CHANGELOG.md']) put(file, join(root, file))
  // Only what a program asks of its manifest: tools for developers are not here.
  const { name, license, type, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>
  write('package.json', `${JSON.stringify({ name, version, license, type, engines }, undefined, 2)}\n`)
  // The stamp tells a source tree when it must be built again; it has times in it.
  put('dist/cli', join(root, 'dist/cli'), /^\/cli\/stamp\.json$/)
  const program = had(node)
  put('node/bin/node', join(program, 'bin/node'))
  put('LICENSES/node.txt', join(program, 'LICENSE'))
  for (const each of koffi) put(`node_modules/${each.package}`, had(each), KOFFI_LEFT_OUT)
  // Read by the bundle when it meets a build file.
  put('node_modules/zod', join(root, 'node_modules/zod'), ZOD_LEFT_OUT)
  const licensed = [...shippedPackages(root).map(path => join(root, path)), had(koffi[0]!)]
  for (const { name, text } of licensed.map(licenceOf)) write(`LICENSES/${basename(name.replace('/', '+'))}.txt`, text)
}
