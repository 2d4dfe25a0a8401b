// Owns what `inspect` says of how a guest was booted and which disks it had. A record that cannot be read is a finding: everything else is still shown.
import { SnapError } from '../errors.ts'
import type { Finding } from '../model/finding.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { BootReport } from './inspect-report.ts'
import { bootRecordOf } from './run/boot-record.ts'
import { recordedDisk } from './run/file-disk.ts'

export function inspectBoot({ devices }: Snapshot): { readonly boot?: BootReport; readonly findings: readonly Finding[] } {
  try {
    const record = bootRecordOf(devices)
    if (!record) return { findings: [] }
    const { kernel, initrd, append, deviceTree, seed } = record
    const disks = devices
      .filter(({ kind }) => kind === 'virtio-blk')
      .flatMap(({ name }) => {
        const disk = recordedDisk(devices, name)
        return disk ? [{ device: name, ...disk }] : []
      })
    return {
      boot: {
        kernel,
        ...(initrd ? { initrd } : {}),
        ...(append === undefined ? {} : { append }),
        deviceTree,
        ...(seed === undefined ? {} : { seed: `0x${seed.toString(16)}` }),
        disks,
      },
      findings: [],
    }
  } catch (error) {
    if (!(error instanceof SnapError)) throw error
    return { findings: [{ severity: 'warning', code: 'boot-not-read', message: error.message, hint: 'the guest cannot be woken with it' }] }
  }
}
