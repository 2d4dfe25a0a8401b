// `builds derive`: a host's whole build from one register list of it, whichever features that list was taken with.
import { expect, test } from 'vitest'
import { readRecordings } from '../../scripts/builds/read-recordings.ts'
import { hex, newVm, probeSet, RUNNING, takeSnap } from '../../scripts/fidelity/abi-vm.ts'
import { sveVlsId, sysRegId } from '../../src/arch/reg-id.ts'
import { encodeBuildFile, parseBuildFile } from '../../src/builds/build-file.ts'
import { deriveBuild } from '../../src/builds/derive.ts'
import { findBuild, loadBuild } from '../../src/builds/load.ts'
import { featuresOfSet, recordedList } from '../../src/builds/recorded/host.ts'
import { setOf } from '../../src/builds/recorded/recording.ts'
import { registerEntries, registerList } from '../../src/model/register-list.ts'
import { freshGuest } from '../../src/ops/check/check-host.ts'
import { RECORDINGS, testWithRecordings } from './recordings.ts'

testWithRecordings('from any one recorded set, the sets it covers list and read as recorded', () => {
  const names = new Set(['6.1.192-neoverse-n1', '6.12.117', '6.12.117-neoverse-v1', '6.17.13-cortex-a72', '7.3.4'])
  let compared = 0
  for (const { name, recording } of readRecordings(RECORDINGS, each => names.has(each))) {
    // Another CPU's build gives the rules; nothing of this host but the one list is used.
    const kernel = loadBuild(`linux-${recording.version}/${recording.qemu_cpu === 'neoverse-n1' ? 'max' : 'neoverse-n1'}`)
    for (const from of ['psci02', 'pmu', 'sve', 'pauth', 'all']) {
      const set = setOf(recording, from)
      if (!set) continue
      const build = deriveBuild({ kernel, lists: [{ features: featuresOfSet(set), registers: recordedList(set) }], name: `my-${name}`, provenance: [] })
      for (const to of ['psci02', 'pmu', 'sve', 'pauth', 'all']) {
        const wanted = setOf(recording, to)
        if (!wanted || featuresOfSet(wanted).some(feature => !featuresOfSet(set).includes(feature))) continue
        const made = newVm(build, probeSet(to))
        const { ids, values } = takeSnap(made.vcpus[0]!)
        expect([...ids].map(hex), `${name} ${from} → ${to}`).toEqual(wanted.regs!.map(([id]) => id))
        const differing = wanted.regs!.filter(([id, value], i) => !RUNNING.has(BigInt(id)) && values[i] !== value)
        expect(differing, `${name} ${from} → ${to}`).toEqual([])
        compared += values.length
      }
    }
  }
  expect(compared).toBeGreaterThan(5000)
})

test('a list that is not a whole one is refused, with what it lacks', () => {
  const lists = [{ features: ['psci_0_2' as const], registers: registerList([]) }]
  expect(() => deriveBuild({ kernel: loadBuild('linux-6.1'), lists, name: 'x', provenance: [] })).toThrow(/0xc020/)
  expect(() => deriveBuild({ kernel: loadBuild('linux-6.1'), lists: [], name: 'x', provenance: [] })).toThrow(/no vCPU/)
})

testWithRecordings('a list without a bitmap that the kernel has is another kernel', () => {
  const [old] = readRecordings(RECORDINGS, name => name === '5.10.223-cortex-a72')
  const set = setOf(old!.recording, 'psci02')!
  const lists = [{ features: featuresOfSet(set), registers: recordedList(set) }]
  expect(() => deriveBuild({ kernel: loadBuild('linux-6.1'), lists, name: 'x', provenance: [] })).toThrow(/another kernel/)
  expect(findBuild('x')).toBeUndefined()
})

test('what a list hides of the CPU comes from the built-in host with its MIDR_EL1, whichever kernel’s', () => {
  const own = loadBuild('linux-6.18/max')
  const list = freshGuest(own, { features: ['psci_0_2', 'sve'] }).vcpus[0]!.registers
  const withoutLengths = registerList([...registerEntries(list)].filter(([id]) => id !== sveVlsId))
  const { host } = deriveBuild({
    kernel: loadBuild('linux-6.18'),
    lists: [{ features: ['psci_0_2', 'sve'], registers: withoutLengths }],
    name: 'mine',
    provenance: [],
  })
  expect([host.cpu, host.hardware, host.vectorLengths, host.unseen]).toEqual(['max', own.host.hardware, own.host.vectorLengths, undefined])
  expect(host.inferred.filter(note => note.includes('MIDR_EL1 0xf0510'))).toHaveLength(3)
})

test('a CPU that no built-in host has is named by its MIDR_EL1, and what is not seen is said, in the file too', async () => {
  const list = freshGuest(loadBuild('linux-6.18/max'), { features: ['psci_0_2', 'sve'] }).vcpus[0]!.registers
  const MIDR = sysRegId(3, 0, 0, 0, 0)
  const other = registerList(
    [...registerEntries(list)].filter(([id]) => id !== sveVlsId).map(([id, value]) => [id, id === MIDR ? 0x610f_0230n : value] as const),
  )
  const build = deriveBuild({ kernel: loadBuild('linux-6.18'), lists: [{ features: ['psci_0_2', 'sve'], registers: other }], name: 'mine', provenance: [] })
  expect([build.host.cpu, build.host.unseen]).toEqual(['midr-610f0230', ['vector-lengths', 'hardware']])
  expect(build.host.inferred.join('\n')).toContain('no built-in host has MIDR_EL1 0x610f0230')
  expect((await parseBuildFile(encodeBuildFile(build), 'mine.json')).host).toEqual(build.host)
})

test('a field that an older kernel’s list shows is the hardware’s own', () => {
  const MMFR2 = sysRegId(3, 0, 0, 7, 2)
  const list = freshGuest(loadBuild('linux-6.12/max'), {}).vcpus[0]!.registers
  const shown = registerList([...registerEntries(list)].map(([id, value]) => [id, id === MMFR2 ? 1n << 24n : value] as const))
  const { host } = deriveBuild({ kernel: loadBuild('linux-6.12'), lists: [{ features: ['psci_0_2'], registers: shown }], name: 'mine', provenance: [] })
  expect(host.hardware.get(0xc03a)).toBe(1n << 24n)
})
