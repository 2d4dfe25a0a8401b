// A guest that hibernated, for tests of waking: booted from a kernel of a few instructions, with an initramfs and a disk, saved, and changed as a test wants.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { writeSnapshotFile } from '../../../src/formats/exporters.ts'
import type { DeviceSnapshot, Snapshot } from '../../../src/model/snapshot.ts'
import { withInput } from '../../../src/ops/input.ts'
import type { RunReport } from '../../../src/ops/reports.ts'
import { BOOT_KIND } from '../../../src/ops/run/boot-record.ts'
import { NOBODY } from '../../../src/ops/run/console-port.ts'
import { type RunOptions, run } from '../../../src/ops/run/run.ts'
import { save } from '../../../src/ops/save.ts'
import { callingKernel, OFF, OFF2 } from '../run/small-kernels.ts'

export const MEMORY = 8 << 20
const folder = mkdtempSync(join(tmpdir(), 'psci-snap-wake-'))
export const at = (name: string): string => join(folder, name)
export const disk = { path: at('disk.img'), readOnly: false }
export const files = { kernel: at('kernel'), initrd: at('initrd'), disks: [disk] }
export const guest = { ...files, append: 'console=ttyAMA0 resume=/dev/vda', memory: MEMORY, cpus: 2, until: 'hibernate', noMemory: true }

/** For the top of a test file: the guest sleeps in `asleep.psnap`. */
export function sleeps(): void {
  beforeAll(async () => {
    writeFileSync(at('kernel'), callingKernel([OFF2, OFF]))
    writeFileSync(at('initrd'), 'an initramfs')
    writeFileSync(disk.path, '')
    truncateSync(disk.path, 1 << 20)
    await save(at('asleep.psnap'), { build: 'linux-7.3', guest })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
}

export const read = (file: string): Promise<Snapshot> => withInput(file, {}, async ({ snapshot }) => ({ ...snapshot, memory: [] }))

export const wake = (options: Partial<RunOptions> = {}): Promise<RunReport> =>
  run({ ...files, wake: at('asleep.psnap'), port: NOBODY, keepConsole: true, timeout: 60_000, ...options })

/** Another file with the same guest, but for this. */
export async function changed(name: string, change: (snapshot: Snapshot) => Snapshot): Promise<string> {
  await writeSnapshotFile(change(await read(at('asleep.psnap'))), at(name), { force: true })
  return at(name)
}

/** A change of how it was booted. */
export const withBoot = (change: (state: Record<string, unknown>) => unknown) => (snapshot: Snapshot) => ({
  ...snapshot,
  devices: snapshot.devices.map(
    (device): DeviceSnapshot => (device.kind === BOOT_KIND ? { ...device, state: change(device.state as Record<string, unknown>) } : device),
  ),
})
