// Owns the digests of a guest's tables as they lie in its memory: device tree and ACPI. What firmware and kernel change in them by themselves is left out,
// so that the digest is the same at every boot. Decides nothing.
import { createHash } from 'node:crypto'
import { carriedTables } from '../../arch/acpi/carried.ts'
import { withoutPlace } from '../../arch/acpi/tables.ts'
import { FDT_HEADER_BYTES, FDT_LIMITS, type FdtNode, fdtHeader, parseFdt } from '../../formats/data/fdt.ts'
import { readMemory } from '../../model/read-memory.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { readAcpi } from '../find/acpi.ts'
import { bytesOf, RSDP_NEEDLE } from '../find/acpi-search.ts'
import { scanMemory } from '../find/scan.ts'
import { BOOT_KIND } from '../run/boot-record.ts'
import type { Work } from '../work.ts'
import type { Tables } from './machine-parts.ts'

const MOST_TREES = 16

/** Nothing is searched where the snapshot keeps how its guest was booted, and nothing is found where memory holds several different trees. */
export async function findTables({ memory, devices }: Pick<Snapshot, 'memory' | 'devices'>, work: Work): Promise<Tables> {
  if (devices.some(({ kind }) => kind === BOOT_KIND)) return {}
  const carried = only(devices.map(carriedDigest))
  const forFirmware = carried === undefined ? {} : { carried }
  if (memory.length === 0) return forFirmware
  const { hits } = await scanMemory(
    memory,
    [
      {
        bytes: Buffer.from('d00dfeed', 'hex'),
        alignment: 8,
        most: MOST_TREES,
        accept: from => from.length < FDT_HEADER_BYTES || fdtHeader(from) !== undefined,
      },
      RSDP_NEEDLE,
    ],
    work,
  )
  const [trees = [], rsdps = []] = hits
  const deviceTree = only(await Promise.all(trees.map(address => treeDigest(memory, address, work.signal))))
  const acpi = only(await Promise.all(rsdps.map(address => acpiDigest(memory, address, work.signal))))
  return { ...forFirmware, ...(deviceTree === undefined ? {} : { deviceTree }), ...(acpi === undefined ? {} : { acpi }) }
}

/** QEMU keeps each fw_cfg file in a RAM block of that name. */
const CARRIED = /^\/rom@etc\/acpi\/tables$/

/** Before the firmware has made addresses of what points: those are not in the tables that a guest reads. */
function carriedDigest(device: Snapshot['devices'][number]): string | undefined {
  const blob = CARRIED.test(device.name) ? bytesOf(device) : undefined
  return blob && digestOf(carriedTables(blob).map(({ signature, offset, length }) => ({ signature, bytes: blob.subarray(offset, offset + length) })))
}

function only(digests: readonly (string | undefined)[]): string | undefined {
  const different = new Set(digests.filter(digest => digest !== undefined))
  return different.size === 1 ? [...different][0] : undefined
}

async function treeDigest(memory: Snapshot['memory'], address: bigint, signal?: AbortSignal): Promise<string | undefined> {
  const head = await readMemory(memory, address, FDT_HEADER_BYTES, signal)
  const header = head && fdtHeader(head)
  const bytes = header && (await readMemory(memory, address, Math.min(header.totalSize, FDT_LIMITS.bytes), signal))
  if (!bytes) return undefined
  try {
    const { root } = parseFdt(bytes, 'a device tree in memory')
    // A tree that describes no machine, an overlay for instance, is not the one that was booted with.
    return root.children.some(({ name }) => name === 'cpus') ? deviceTreeDigest(root) : undefined
  } catch {
    return undefined
  }
}

/** sha256 over names and values in tree order, but for /chosen: seeds and command line, which firmware fills in and Linux wipes. Hex. */
export function deviceTreeDigest(root: FdtNode): string {
  const hash = createHash('sha256')
  const walk = ({ name, properties, children }: FdtNode): void => {
    hash.update(`{${JSON.stringify(name)}`)
    for (const [key, value] of properties) hash.update(`${JSON.stringify(key)}=${Buffer.from(value).toString('hex')};`)
    for (const child of children) walk(child)
    hash.update('}')
  }
  walk({ ...root, children: root.children.filter(({ name }) => name !== 'chosen') })
  return hash.digest('hex')
}

/** Tables of tables say only where the others are; the FACS holds the hardware signature itself, and firmware and kernel write to it. */
const LEFT_OUT: ReadonlySet<string> = new Set(['RSDT', 'XSDT', 'FACS'])

async function acpiDigest(memory: Snapshot['memory'], address: bigint, signal?: AbortSignal): Promise<string | undefined> {
  const found = await readAcpi(memory, address, signal)
  const tables: { readonly signature: string; readonly bytes: Uint8Array }[] = []
  for (const { signature, address: at, length } of found?.tables ?? []) {
    const bytes = LEFT_OUT.has(signature) ? new Uint8Array(length) : await readMemory(memory, BigInt(at), length, signal)
    if (bytes?.length !== length) return undefined
    tables.push({ signature, bytes })
  }
  return digestOf(tables)
}

/** Whatever their order, and wherever firmware put them. */
function digestOf(tables: readonly { readonly signature: string; readonly bytes: Uint8Array }[]): string | undefined {
  const lines = tables
    .filter(({ signature }) => !LEFT_OUT.has(signature))
    .map(({ signature, bytes }) => `${signature} ${createHash('sha256').update(withoutPlace(bytes)).digest('hex')}`)
  return lines.length === 0 ? undefined : createHash('sha256').update(lines.toSorted().join('\n')).digest('hex')
}
