// Owns how a report of a boot reads: which files, which command line. Decides nothing.
import type { BootReport } from '../ops/inspect-report.ts'
import { byteSize, table } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** Of a digest, what tells two files apart. */
const DIGITS = 16

export function bootLines(boot: BootReport | undefined): readonly string[] {
  if (!boot) return []
  const { kernel, initrd, append, deviceTree, disks } = boot
  const file = (what: string, { path, size, sha256 }: BootReport['kernel'], note = ''): readonly string[] => [
    what,
    `${terminalText(path)}  ${byteSize(size)}${note}, sha256 ${sha256.slice(0, DIGITS)}…`,
  ]
  const rows = [
    file('kernel', kernel),
    ...(initrd ? [file('initramfs', initrd)] : []),
    ...(append === undefined ? [] : [['command line', terminalText(append)]]),
    ['device tree', `sha256 ${deviceTree.slice(0, DIGITS)}…`],
    ...disks.map(({ device, readOnly, ...disk }) => file(terminalText(device), disk, readOnly ? ', read-only' : '')),
  ]
  return table([{}, {}], rows).map(line => `  ${line}`)
}
