// Owns the digests of a guest's tables as they lie in its memory: device tree and ACPI. What firmware and kernel change in them by themselves is left out,
// so that the digest is the same at every boot. Decides nothing.
import { createHash } from 'node:crypto'
import { FDT_HEADER_BYTES, FDT_LIMITS, type FdtNode, fdtHeader, parseFdt } from '../../formats/data/fdt.ts'
import { readMemory } from '../../model/read-memory.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { readAcpi } from '../find/acpi.ts'
import { scanMemory } from '../find/scan.ts'
import { BOOT_KIND } from '../run/boot-record.ts'
import type { Work } from '../work.ts'
import type { Tables } from './machine-parts.ts'

const MOST = { trees: 16, rsdp: 16 } as const

/** Nothing is searched where the snapshot keeps how its guest was booted, and nothing is found where memory holds several different trees. */
export async function findTables({ memory, devices }: Pick<Snapshot, 'memory' | 'devices'>, work: Work): Promise<Tables> {
  if (memory.length === 0 || devices.some(({ kind }) => kind === BOOT_KIND)) return {}
  const { hits } = await scanMemory(
    memory,
    [
      {
        bytes: Buffer.from('d00dfeed', 'hex'),
        alignment: 8,
        most: MOST.trees,
        accept: from => from.length < FDT_HEADER_BYTES || fdtHeader(from) !== undefined,
      },
      { bytes: Buffer.from('RSD PTR '), alignment: 16, most: MOST.rsdp },
    ],
    work,
  )
  const [trees = [], rsdps = []] = hits
  const deviceTree = only(await Promise.all(trees.map(address => treeDigest(memory, address, work.signal))))
  const acpi = only(await Promise.all(rsdps.map(address => acpiDigest(memory, address, work.signal))))
  return { ...(deviceTree === undefined ? {} : { deviceTree }), ...(acpi === undefined ? {} : { acpi }) }
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
  if (!found || found.tables.length === 0) return undefined
  const tables: string[] = []
  for (const { signature, address: at, length } of found.tables.filter(table => !LEFT_OUT.has(table.signature))) {
    const bytes = await readMemory(memory, BigInt(at), length, signal)
    if (bytes?.length !== length) return undefined
    tables.push(`${signature} ${createHash('sha256').update(bytes).digest('hex')}`)
  }
  return tables.length === 0 ? undefined : createHash('sha256').update(tables.toSorted().join('\n')).digest('hex')
}
