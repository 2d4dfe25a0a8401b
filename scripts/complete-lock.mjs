// Owns the completion of package-lock.json after a dependency changed: `npm ci` wants an entry for every optional package of every platform,
// and npm leaves out those that the registry it asked does not carry. Adds them by version, from the exact versions their parents ask for.
import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8'))

const CPUS = { x64: 'x64', arm64: 'arm64', arm: 'arm', ia32: 'ia32', ppc64: 'ppc64', riscv64: 'riscv64', s390x: 's390x' }

let added = 0
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (path === '' || lock.packages[`${path}/node_modules/${name}`] || lock.packages[`node_modules/${name}`]) continue
    const words = name.split('/').at(-1).split('-')
    const os = words.find(word => ['android', 'darwin', 'freebsd', 'linux', 'win32', 'openharmony'].includes(word))
    const cpu = words.map(word => CPUS[word]).find(word => word !== undefined)
    if (!/^\d/.test(version) || os === undefined || cpu === undefined) throw new Error(`${name}@${version} of ${path}: not a platform package`)
    const libc = words.some(word => word.startsWith('musl')) ? 'musl' : words.some(word => word.startsWith('gnu')) && os === 'linux' ? 'glibc' : undefined
    lock.packages[`node_modules/${name}`] = { version, cpu: [cpu], ...(entry.dev && { dev: true }), ...(libc && { libc: [libc] }), optional: true, os: [os] }
    added++
  }
}
const sorted = Object.keys(lock.packages).sort((a, b) => (a < b ? -1 : 1))
lock.packages = Object.fromEntries(sorted.map(path => [path, lock.packages[path]]))
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
process.stdout.write(`${added} platform packages added\n`)
