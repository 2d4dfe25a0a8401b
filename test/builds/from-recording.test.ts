// `npm run builds -- --from RECORDING`: a standalone build of any recording, variants and an incomplete one included.
import { expect } from 'vitest'
import { readRecordings } from '../../scripts/builds/read-recordings.ts'
import { hex, newVm, PROBE_SETS, RUNNING, takeSnap } from '../../scripts/fidelity/abi-vm.ts'
import { encodeBuildFile, parseBuildFile } from '../../src/builds/build-file.ts'
import { buildFromRecording } from '../../src/builds/recorded/from-recording.ts'
import { RECORDINGS, testWithRecordings } from './recordings.ts'

testWithRecordings('every variant’s build file lists and reads as recorded', async () => {
  const variants = readRecordings(RECORDINGS, name => /-(fw|nested|impid|protected|kvm_arm|mitigations|nospectre|ssbd)/.test(name))
  expect(variants.length).toBeGreaterThan(15)
  for (const named of variants) {
    const text = encodeBuildFile(buildFromRecording(named))
    const build = await parseBuildFile(text, named.name)
    expect(build.name).toBe(`linux-${named.name}`)
    for (const set of named.recording.regs.filter(each => each.regs)) {
      const { ids, values } = takeSnap(newVm(build, PROBE_SETS.find(each => each.name === set.set)!).vcpus[0]!)
      expect([...ids].map(hex), `${named.name} ${set.set}`).toEqual(set.regs!.map(([id]) => id))
      expect(
        set.regs!.filter(([id, value], i) => !RUNNING.has(BigInt(id)) && values[i] !== value),
        `${named.name} ${set.set}`,
      ).toEqual([])
    }
  }
})
