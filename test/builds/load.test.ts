// Finding built-in builds: names, aliases, near misses, and that loading one is cheap.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findBuild, listBuilds, loadBuild } from '../../src/builds/load.ts'
import { SnapError } from '../../src/errors.ts'

test('every listed name and alias loads, and loads the build that it names', () => {
  for (const summary of listBuilds())
    for (const name of [summary.name, ...summary.aliases]) {
      const build = loadBuild(name)
      expect(build.name).toBe(summary.name)
      expect([build.kernel.release, build.host.cpu]).toEqual([summary.release, summary.cpu])
    }
})

test('no two builds share a name or an alias', () => {
  const names = listBuilds().flatMap(build => [build.name, ...build.aliases])
  expect(new Set(names).size).toBe(names.length)
})

test('eleven kernels have the default CPU, neoverse-n1 and max', () => {
  const cpus = new Map<string, string[]>()
  for (const { release, cpu } of listBuilds()) cpus.set(release, [...(cpus.get(release) ?? []), cpu])
  expect(cpus.size).toBe(11)
  for (const [release, list] of cpus) expect(list, release).toEqual(expect.arrayContaining(['cortex-a72', 'max', 'neoverse-n1']))
})

test('a build is loaded once and its kernel is shared', () => {
  expect(loadBuild('linux-6.12')).toBe(loadBuild('linux-6.12.117/cortex-a72'))
  expect(loadBuild('linux-6.12/max').kernel).toBe(loadBuild('linux-6.12').kernel)
})

test('an unknown name is one clear error with the nearest names', () => {
  expect(findBuild('linux-6.13')).toBeUndefined()
  try {
    loadBuild('linux-6.12/cortex-a27')
    expect.unreachable()
  } catch (failure) {
    expect(failure).toBeInstanceOf(SnapError)
    expect((failure as SnapError).code).toBe('BUILD_UNKNOWN')
    expect((failure as SnapError).message).toContain('linux-6.12/cortex-a72')
  }
})

test('the first load of a build takes few milliseconds of CPU', async () => {
  const { decodeHost, decodeKernel } = await import('../../src/builds/codec.ts')
  const { readHost, readKernel } = await import('../../src/builds/data-files.ts')
  const start = process.cpuUsage()
  for (let i = 0; i < 10; i++) {
    decodeKernel(readKernel('7.3.4'))
    decodeHost(readHost('7.3.4', 'max'))
  }
  const { user, system } = process.cpuUsage(start)
  expect((user + system) / 10_000).toBeLessThan(10)
})

test('every build says which recordings it is from', () => {
  for (const { name } of listBuilds()) {
    const { kernel, host } = loadBuild(name)
    for (const each of [...kernel.provenance, ...host.provenance]) expect(each.sha256, name).toMatch(/^[0-9a-f]{64}$/)
    expect(host.provenance).toHaveLength(1)
  }
})

test('built-in data stays small', async () => {
  const { readdirSync, statSync } = await import('node:fs')
  const folder = new URL('../../src/builds/data/', import.meta.url)
  expect(existsSync(folder)).toBe(true)
  const bytes = readdirSync(folder).reduce((sum, file) => sum + statSync(new URL(file, folder)).size, 0)
  expect(bytes).toBeLessThan(300_000)
})
