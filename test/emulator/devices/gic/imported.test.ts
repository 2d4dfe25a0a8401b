// GICs that real kernels saved through QEMU: they come back with every register as it was.
import { describe, expect, test } from 'vitest'
import { createGic } from '../../../../src/emulator/devices/gic/gic.ts'
import type { GicVersion } from '../../../../src/emulator/devices/gic/interrupt-table.ts'
import { qemu } from '../../../../src/formats/importers/qemu/importer.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { GICC, GICD, GICR, type RegisterRun, wordAt } from '../../../../src/model/gic.ts'
import { gicStateOf } from '../../../../src/model/gic-state-of.ts'
import { ENTRIES, hasSamples, readSample } from '../../../formats/importers/qemu/samples.ts'

/** No state: identification, what KVM has no such registers for, what QEMU computes or leaves out (the triggers of SGIs). */
const LEFT_OUT: ReadonlySet<string> = new Set([
  ...[GICD.statusr, 0xd04, 0xe08, 0xe0c].map(offset => `distributor ${offset}`),
  ...[GICR.statusr, GICR.waker, GICR.icfgr, GICR.igrpmodr0, GICR.nsacr, GICD.icfgr].map(offset => `registers ${offset}`),
  ...[GICC.rpr, GICC.hppir, 0xd4, 0xd8, 0xdc, GICC.nsapr, 0xe4, 0xe8, 0xec].map(offset => `cpuInterface ${offset}`),
])

function differences(what: string, saved: readonly RegisterRun[], now: readonly RegisterRun[]): readonly string[] {
  return saved.flatMap(({ offset, words }) =>
    words.flatMap((word, n) => {
      const at = offset + 4 * n
      const is = wordAt(now, at)
      return is === word || LEFT_OUT.has(`${what} ${at}`) ? [] : [`${what} 0x${at.toString(16)}: ${word.toString(16)}, now ${is?.toString(16)}`]
    }),
  )
}

describe.skipIf(!hasSamples)('samples of KVM', () => {
  test.each(ENTRIES.filter(({ name, accel }) => accel === 'kvm' && name.endsWith('.mig')))('$name', async entry => {
    const { snapshot } = await qemu.read(bytesSource(readSample(entry), entry.name))
    const device = snapshot.devices.find(({ kind }) => kind === 'gic-v2' || kind === 'gic-v3')
    const state = device && gicStateOf(device)
    if (!state) throw new Error('no GIC in the sample')
    const version = device.kind.slice(-2) as GicVersion
    const gic = createGic(version, { cpus: state.vcpus.length, vcpuIndex: cpu => cpu, affinity: cpu => cpu }, { saved: state })
    const now = gic.save()
    const found = [...differences('distributor', state.distributor, now.distributor)]
    for (const [n, { registers, systemRegisters = [], cpuInterface = [] }] of state.vcpus.entries()) {
      const own = now.vcpus[n]!
      found.push(...differences('registers', registers, own.registers), ...differences('cpuInterface', cpuInterface, own.cpuInterface ?? []))
      const values = new Map(own.systemRegisters)
      for (const [encoding, value] of systemRegisters)
        if (values.get(encoding) !== value) found.push(`system register 0x${encoding.toString(16)}: ${value}, now ${values.get(encoding)}`)
    }
    expect(found).toEqual([])
  })
})
