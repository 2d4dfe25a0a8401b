// The lock of real kernels is one: every row can be fetched as it stands, and what stands in for a package is of its series.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { matchesIntegrity } from '../../../scripts/portable/npm-package.ts'
import { candidates, newestFirst, readPackages } from '../../../scripts/real-kernel/packages.ts'

const { kernels, userland, node, koffi } = readPackages()

describe('packages.json', () => {
  test.each(kernels)('$name: the package is of its own series, and has a version', row => {
    expect(row.package).toMatch(new RegExp(row.series))
    expect(row.version).toMatch(/^\d+\.\d+\.\d+/)
    // The package is of the release that its version says.
    expect(row.package).toContain(row.version.split('.').slice(0, 2).join('.'))
  })

  test('three generations gate and the newest does not; oldest first, names differ', () => {
    expect(kernels.filter(({ gates }) => gates).length).toBeGreaterThanOrEqual(3)
    expect(kernels.filter(({ gates }) => !gates).map(({ name }) => name)).toEqual(['newest'])
    expect(newestFirst(kernels.map(({ version }) => version))).toEqual(kernels.map(({ version }) => version).reverse())
    expect(new Set(kernels.map(({ name }) => name)).size).toBe(kernels.length)
  })

  test('no series takes what is no kernel image, or one of another generation', () => {
    const others = ['linux-image-cloud-arm64', 'linux-headers-6.1.0-56-cloud-arm64', 'linux-image-6.1.0-56-cloud-arm64-dbg', 'linux-image-6.1-arm64']
    for (const { name, series } of kernels) expect([name, others.filter(other => new RegExp(series).test(other))]).toEqual([name, []])
    for (const row of kernels)
      for (const other of kernels) if (row !== other) expect([row.name, new RegExp(row.series).test(other.package)]).toEqual([row.name, false])
  })

  test('what the initramfs is made of is pinned', () => {
    for (const { suite, version } of userland) expect([suite, version]).toEqual([expect.stringMatching(/^[a-z]+/), expect.stringMatching(/^(\d+:)?\d/)])
    for (const each of [node, ...koffi]) {
      expect(each.version).toMatch(/^\d+\.\d+\.\d+$/)
      expect(each.integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/)
    }
    expect(new Set(koffi.map(({ version }) => version)).size).toBe(1)
  })
})

describe('what stands in for a kernel package', () => {
  const row = {
    name: '6.1',
    gates: true,
    suite: 's',
    package: 'linux-image-6.1.0-56-arm64',
    version: '6.1.192-2',
    series: '^linux-image-6\\.1\\.0-\\d+-arm64$',
  }
  const offered = ['linux-image-6.1.0-9-arm64', 'linux-image-6.1.0-60-arm64', 'linux-image-6.12.1-arm64', 'linux-image-6.1.0-58-arm64']

  test('one that gates stays where it is, in its version or another, then the newest of the series', () => {
    expect(candidates(row, offered)).toEqual([
      { package: 'linux-image-6.1.0-56-arm64', version: '6.1.192-2' },
      { package: 'linux-image-6.1.0-56-arm64' },
      { package: 'linux-image-6.1.0-60-arm64' },
      { package: 'linux-image-6.1.0-58-arm64' },
    ])
  })
  test('one that does not is the newest, and the pinned one where the archive says nothing', () => {
    expect(candidates({ ...row, gates: false }, offered)[0]).toEqual({ package: 'linux-image-6.1.0-60-arm64' })
    expect(candidates({ ...row, gates: false }, [])).toEqual([{ package: row.package, version: row.version }, { package: row.package }])
  })
  test('newest first goes by numbers, not letters', () => {
    expect(newestFirst(['a-9.2', 'a-10.0', 'a-9.10', 'a-10.0.1'])).toEqual(['a-10.0.1', 'a-10.0', 'a-9.10', 'a-9.2'])
  })
})

test('what a registry gives is believed only with the right hash', () => {
  const bytes = new TextEncoder().encode('package')
  const right = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  expect(matchesIntegrity(bytes, right)).toBe(true)
  expect(matchesIntegrity(new TextEncoder().encode('packagf'), right)).toBe(false)
  expect(matchesIntegrity(bytes, right.replace('sha512', 'sha1'))).toBe(false)
  expect(matchesIntegrity(bytes, 'sha512-')).toBe(false)
})
