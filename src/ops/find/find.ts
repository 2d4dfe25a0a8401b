// Owns `inspect --find`: what in guest memory says which kernel runs and what firmware it was told of. One pass over memory, then a look at each hit.
import { FDT_HEADER_BYTES, FDT_LIMITS, type FdtNode, fdtHeader, fdtNodeAt, fdtValue, parseFdt } from '../../formats/data/fdt.ts'
import { readMemory } from '../../model/read-memory.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { FoundReport, FoundTree } from '../inspect-report.ts'
import type { Work } from '../work.ts'
import { acpiAt, RSDP_NEEDLE } from './acpi-search.ts'
import { type Needle, scanMemory } from './scan.ts'

const BANNER = 'Linux version '
/** linux_banner has a few hundred bytes: release, builder, compiler, build number and date. */
const BANNER_BYTES = 512
/** `Linux version 6.1 (a@b) (gcc 12) #1 SMP` is about the least that a kernel says of itself. */
const SHORTEST_BANNER = 40
const MOST = { banners: 64, trees: 16, addresses: 8 } as const

const NEEDLES: readonly Needle[] = [
  // A digit follows in a banner, a `%s` in the format string it is made of.
  {
    bytes: Buffer.from(BANNER),
    alignment: 1,
    most: MOST.banners,
    accept: from => /^[0-9]\.|^[0-9]{2}\./.test(latin1(from.subarray(BANNER.length, BANNER.length + 3))),
  },
  // A tree that Linux can be handed is aligned to 8 bytes (Documentation/arch/arm64/booting.rst).
  { bytes: Buffer.from('d00dfeed', 'hex'), alignment: 8, most: MOST.trees, accept: from => from.length < FDT_HEADER_BYTES || fdtHeader(from) !== undefined },
  RSDP_NEEDLE,
]

/** Searches everything that is not zero. Throws what reading the memory throws. */
export async function findInGuest(memory: Snapshot['memory'], work: Work): Promise<FoundReport> {
  const { hits, searched } = await scanMemory(memory, NEEDLES, work)
  const [banners = [], trees = [], rsdps = []] = hits
  const deviceTrees: FoundTree[] = []
  for (const address of trees) {
    const tree = await readTree(memory, address, work.signal)
    if (tree) deviceTrees.push(tree)
  }
  const acpi = await acpiAt(memory, rsdps, work.signal)
  return { searched, kernels: await readBanners(memory, banners, work.signal), deviceTrees, acpi }
}

async function readBanners(memory: Snapshot['memory'], addresses: readonly bigint[], signal?: AbortSignal): Promise<FoundReport['kernels']> {
  const places = new Map<string, string[]>()
  for (const address of addresses) {
    const text = latin1((await readMemory(memory, address, BANNER_BYTES, signal)) ?? new Uint8Array())
    const [banner = ''] = /^[\x20-\x7e]*/.exec(text) ?? []
    const list = places.get(banner) ?? []
    places.set(banner, list)
    if (list.length < MOST.addresses) list.push(hex(address))
  }
  return merged([...places].map(([banner, list]) => ({ banner: banner.trimEnd(), addresses: list })))
}

/** A copy in a log has no end of its own: what follows it in memory is not of the banner. */
function merged(kernels: FoundReport['kernels']): FoundReport['kernels'] {
  const whole: { readonly banner: string; readonly addresses: readonly string[] }[] = []
  for (const { banner, addresses } of kernels.toSorted((a, b) => a.banner.length - b.banner.length)) {
    const at = whole.findIndex(each => banner.startsWith(each.banner) && each.banner.length >= SHORTEST_BANNER)
    if (at < 0) whole.push({ banner, addresses })
    else whole[at] = { banner: whole[at]!.banner, addresses: [...whole[at]!.addresses, ...addresses].slice(0, MOST.addresses) }
  }
  const first = ({ addresses }: { readonly addresses: readonly string[] }): number => kernels.findIndex(each => each.addresses[0] === addresses[0])
  return whole.sort((a, b) => first(a) - first(b))
}

/** Undefined for bytes that only look like a tree: memory is full of remains. */
async function readTree(memory: Snapshot['memory'], address: bigint, signal?: AbortSignal): Promise<FoundTree | undefined> {
  const head = await readMemory(memory, address, FDT_HEADER_BYTES, signal)
  const header = head && fdtHeader(head)
  const bytes = header && (await readMemory(memory, address, Math.min(header.totalSize, FDT_LIMITS.bytes), signal))
  if (!bytes) return undefined
  try {
    const { root, nodes } = parseFdt(bytes, `the device tree at ${hex(address)}`)
    return { address: hex(address), size: bytes.length, nodes, ...describe(root) }
  } catch {
    return undefined
  }
}

function describe(root: FdtNode): Partial<FoundTree> {
  const [model] = property(root, 'model') ?? []
  const compatible = property(root, 'compatible')
  const chosen = fdtNodeAt(root, '/chosen')
  const [bootargs] = (chosen && property(chosen, 'bootargs')) ?? []
  const psci = fdtNodeAt(root, '/psci')
  return {
    ...(model === undefined ? {} : { model }),
    ...(compatible ? { compatible } : {}),
    ...(bootargs === undefined ? {} : { bootargs }),
    ...(psci ? { psci: Object.fromEntries([...psci.properties].map(([name, value]) => [name, fdtValue(value)])) } : {}),
  }
}

function property(node: FdtNode, name: string): readonly string[] | undefined {
  const value = node.properties.get(name)
  return value && fdtValue(value)
}

const hex = (value: bigint): string => `0x${value.toString(16)}`
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
