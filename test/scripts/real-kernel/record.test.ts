// scripts/record.sh says what is wrong with what it is told before it fetches or boots anything.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readPackages } from '../../../scripts/real-kernel/packages.ts'
import { parseRecordArguments, Usage } from '../../../scripts/real-kernel/record-arguments.ts'
import { ROOT } from '../../tidy/sources.ts'

const KERNEL = 'linux-image-6.1.0-56-cloud-arm64-unsigned'

test.each([
  [[], 'no kernel package is named'],
  [['coreutils', '-o', 'x.json'], 'coreutils is no kernel package'],
  [['linux-image-6.1;reboot', '-o', 'x.json'], 'is no kernel package'],
  [[KERNEL], '-o BUILD.json is missing'],
  [[KERNEL, 'Bookworm!', '-o', 'x.json'], 'is no suite'],
  [[KERNEL, 'bookworm', 'a72,pmu=off', '-o', 'x.json'], 'is no QEMU CPU'],
  [[KERNEL, 'bookworm', 'max', 'more', '-o', 'x.json'], 'too many words: more'],
  [[KERNEL, '-o', 'x.json', '--seconds', 'soon'], '--seconds soon'],
  [[KERNEL, '-o', 'x.json', '--sudo'], '--sudo'],
  [[KERNEL, '-o', join(ROOT, 'package.json')], '--force replaces it'],
  [[KERNEL, '-o', 'x.json', '--recording', join(ROOT, 'package.json')], '--force replaces it'],
])('%j: %s', (argv, message) => {
  expect(() => parseRecordArguments(argv)).toThrow(Usage)
  expect(() => parseRecordArguments(argv)).toThrow(message)
})

describe('what is asked for', () => {
  test('with everything', () => {
    const argv = [`${KERNEL}=6.1.192-2`, 'bookworm-security', 'neoverse-n1', '-o', 'x.json', '--recording', 'r.json.gz', '--append', 'kvm-arm.mode=nested']
    expect(parseRecordArguments(argv)).toMatchObject({
      package: KERNEL,
      version: '6.1.192-2',
      suites: ['bookworm-security'],
      cpu: 'neoverse-n1',
      output: 'x.json',
      recording: 'r.json.gz',
      append: 'kvm-arm.mode=nested',
    })
  })
  test('with as little as can be: the suites of the lock, the CPU of the built-in builds', () => {
    const { suites, cpu, version } = parseRecordArguments([KERNEL, '-o', 'x.json']) as Exclude<ReturnType<typeof parseRecordArguments>, 'help'>
    expect(suites).toEqual(readPackages().kernels.map(({ suite }) => suite))
    expect([cpu, version]).toEqual(['cortex-a72', undefined])
  })
  test('a file that is there may be replaced when that is said', () => {
    expect(parseRecordArguments([KERNEL, '-o', join(ROOT, 'package.json'), '--force'])).toMatchObject({ output: join(ROOT, 'package.json') })
  })
})

test('the script ends with 2, and with its usage', () => {
  const { status, stdout, stderr } = spawnSync('sh', [join(ROOT, 'scripts/record.sh'), 'coreutils'], { encoding: 'utf8' })
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^record\.sh: coreutils is no kernel package's name\n\nusage: scripts\/record\.sh KERNEL-PACKAGE/)
}, 20_000)
