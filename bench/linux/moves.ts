// Owns how long saving a running 512 MiB Linux takes, and bringing it back until it runs: in the process, as a VMM that uses the library would see it.
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PROMPT } from '../../scripts/linux-guest/initramfs.ts'
import { loadBuild } from '../../src/builds/load.ts'
import { writeSnapshotFile } from '../../src/formats/exporters.ts'
import { emulatorHost } from '../../src/ops/live/emulator-host.ts'
import { bootGuest } from '../../src/ops/run/boot-guest.ts'
import { NOBODY } from '../../src/ops/run/console-port.ts'
import { continueGuest } from '../../src/ops/run/continue-guest.ts'
import { newestBuild } from '../../src/ops/run/newest-build.ts'
import { guestEars, runLoop } from '../../src/ops/run/run-loop.ts'
import { captureGuest } from '../../src/ops/run/saved-guest.ts'
import type { Figure } from '../figure.ts'
import type { GuestFiles } from './guest-files.ts'

const MEMORY = 512 << 20
/** Must hold 6, in seconds. */
const LIMITS = { save: 1.5, restore: 1 } as const
const FIRST_INSTRUCTIONS = 1000

export async function measureMoves({ kernel, initrd }: GuestFiles, folder: string, runs: number): Promise<readonly Figure[]> {
  const host = emulatorHost(loadBuild(newestBuild()))
  const ears = guestEars()
  const guest = await bootGuest(host, { kernel, initrd, memory: MEMORY }, ears)
  const file = join(folder, 'moved.psnap')
  const saving: number[] = []
  const restoring: number[] = []
  try {
    await runLoop(guest, ears, { until: { kind: 'console', pattern: PROMPT }, port: NOBODY })
    for (let run = 0; run < runs; run++) {
      const begin = performance.now()
      await writeSnapshotFile(await captureGuest(guest, host.origin, { kind: 'point' }, false), file, { force: true })
      saving.push((performance.now() - begin) / 1000)
    }
  } finally {
    await guest.close()
  }
  console.log(`snapshot of the 512 MiB guest: ${(statSync(file).size / 2 ** 20).toFixed(1)} MiB`)
  for (let run = 0; run < runs; run++) {
    const begin = performance.now()
    const heard = guestEars()
    await continueGuest(file, {}, heard, async moved => {
      await runLoop(moved, heard, { until: { kind: 'insns', count: moved.vm.spent + FIRST_INSTRUCTIONS }, port: NOBODY })
      restoring.push((performance.now() - begin) / 1000)
    })
  }
  rmSync(file)
  return [
    { name: 'saving a 512 MiB guest', value: Math.min(...saving), unit: 's', limit: LIMITS.save, better: 'less' },
    { name: 'restoring it until it runs', value: Math.min(...restoring), unit: 's', limit: LIMITS.restore, better: 'less' },
  ]
}
