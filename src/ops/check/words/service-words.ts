// Owns the words for firmware services (TRNG, stolen time, vendor calls) that a guest gains or loses with a bitmap register which only one side has.
// What each bit gates is arch/smccc.ts; source of the rest: recordings (psci, fweffect), facts/kvm-arm64-rules.md §2.
import type { RegId } from '../../../arch/reg-id.ts'
import { BITMAP_BITS, type BitmapBit, bitmapNames } from '../../../arch/smccc.ts'
import { offeredWithoutBitmap, serviceKnowledge } from '../../source-services.ts'
import type { Consequence } from '../check-report.ts'
import type { Case } from './case.ts'

const bitsOf = (id: bigint, value: bigint): readonly BitmapBit[] => BITMAP_BITS.filter(row => row.register === id && ((value >> BigInt(row.bit)) & 1n) === 1n)
const said = (row: BitmapBit): string => `${row.name} (${row.service})`

/** Services that are on by default here and that nobody turned off, because the saving kernel had no bitmap to save. */
export function appearingServices({ added, snapshot }: Case): readonly { readonly row: BitmapBit; readonly had: boolean | undefined }[] {
  const bitmaps = added.filter(({ id, value }) => value !== undefined && BITMAP_BITS.some(row => row.register === id))
  if (bitmaps.length === 0) return []
  const knows = serviceKnowledge(snapshot)
  return bitmaps
    .flatMap(({ id, value = 0n }) => bitsOf(id, value))
    .map(row => ({ row, had: knows(row.register, row.bit) }))
    .filter(({ had }) => had !== true)
}

export function serviceConsequences(about: Case): readonly Consequence[] {
  const { changes, refusals, dropped, build, kernel } = about
  const out: Consequence[] = []
  const appearing = appearingServices(about)
  for (const had of [false, undefined]) {
    const rows = appearing.filter(each => each.had === had).map(({ row }) => row)
    if (rows.length === 0) continue
    const it = rows.length === 1 ? 'it' : 'them'
    const why =
      had === false
        ? `the source did not offer ${it} and had no bitmap that would keep ${it} off`
        : `the file has no bitmap for ${it} and does not say whether the source offered ${it}`
    out.push({ code: 'service-appears', message: `${rows.map(said).join(', ')} ${rows.length === 1 ? 'appears' : 'appear'}: on by default here, and ${why}` })
  }
  for (const { id, was, now, skipped } of changes) {
    if (!isBitmap(id)) continue
    const lead = skipped ? 'if skipped: ' : ''
    const lost = bitmapNames(id, was & ~now)
    const gained = bitmapNames(id, now & ~was)
    if (lost.length > 0) out.push({ code: 'service-vanishes', message: `${lead}${lost.join(', ')} ${lost.length === 1 ? 'vanishes' : 'vanish'} for the guest` })
    if (gained.length > 0)
      out.push({ code: 'service-appears', message: `${lead}${gained.join(', ')} ${gained.length === 1 ? 'appears' : 'appear'} for the guest` })
  }
  // A bitmap that this kernel does not have: what it gated is then offered or not, by the kernel alone.
  const gone = [
    ...refusals.filter(row => row.errno === 'ENOENT' && row.value !== undefined).map(row => ({ id: row.id, value: row.value ?? 0n })),
    ...dropped.filter(row => row.value.startsWith('0x')).map(row => ({ id: BigInt(row.id) as RegId, value: BigInt(row.value) })),
  ]
  for (const { id, value } of gone) {
    if (!isBitmap(id)) continue
    const offers = (row: BitmapBit): boolean => offeredWithoutBitmap(build.firmware, row.register, row.bit) === true
    const lost = bitsOf(id, value).filter(row => !offers(row))
    const gained = BITMAP_BITS.filter(row => row.register === id && ((value >> BigInt(row.bit)) & 1n) === 0n && offers(row))
    if (lost.length > 0)
      out.push({
        code: 'service-vanishes',
        message: `${lost.map(said).join(', ')} ${lost.length === 1 ? 'vanishes' : 'vanish'}: ${kernel} does not offer ${lost.length === 1 ? 'it, and a guest that found it' : 'them, and a guest that found them'} at boot gets NOT_SUPPORTED`,
      })
    if (gained.length > 0)
      out.push({ code: 'service-appears', message: `${gained.map(said).join(', ')} ${gained.length === 1 ? 'appears' : 'appear'}: ${kernel} always offers it` })
  }
  return out
}

const isBitmap = (id: bigint): boolean => BITMAP_BITS.some(row => row.register === id)
