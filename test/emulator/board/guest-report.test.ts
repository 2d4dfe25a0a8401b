// Guest memory is a stranger's: whatever stands where the report should be, reading it ends, is bounded and throws nothing.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GUEST_LAYOUT, QUESTION_ROW, REPORT } from '../../../src/emulator/board/guest/layout.ts'
import { guestParams } from '../../../src/emulator/board/guest/params.ts'
import { decodeGuestReport } from '../../../src/emulator/board/guest-report.ts'
import { observe } from '../../../src/emulator/board/observation.ts'

/** A report's memory with magic and version, and these 32-bit words elsewhere. */
function memory(words: readonly (readonly [offset: number, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(GUEST_LAYOUT.reportBytes)
  const view = new DataView(bytes.buffer)
  for (const [offset, value] of words) view.setUint32(offset, value >>> 0, true)
  view.setBigUint64(REPORT.magic, GUEST_LAYOUT.reportMagic, true)
  view.setUint32(REPORT.version, GUEST_LAYOUT.reportVersion, true)
  return bytes
}

test('no magic, another version, too short: no report', () => {
  expect(decodeGuestReport(new Uint8Array(GUEST_LAYOUT.reportBytes))).toBeUndefined()
  const other = memory([])
  new DataView(other.buffer).setUint32(REPORT.version, 2, true)
  expect(decodeGuestReport(other)).toBeUndefined()
  expect(decodeGuestReport(memory([]).subarray(0, 100))).toBeUndefined()
})

test('any content is read within bounds', () => {
  const word = fc.tuple(fc.integer({ min: 0, max: GUEST_LAYOUT.reportBytes / 4 - 1 }), fc.integer()).map(([n, value]) => [n * 4, value] as const)
  fc.assert(
    fc.property(fc.array(word, { maxLength: 200 }), fc.integer(), fc.integer(), fc.integer(), (words, questions, registers, vcpus) => {
      const found = decodeGuestReport(memory([...words, [REPORT.questions, questions], [REPORT.registers, registers], [REPORT.vcpus, vcpus]]))!
      expect(found.questions.length).toBeLessThanOrEqual((REPORT.registerRows - REPORT.questionRows) / QUESTION_ROW)
      expect(found.vcpus.length).toBeLessThanOrEqual(GUEST_LAYOUT.maxVcpus)
      observe(found)
    }),
    { numRuns: 200, seed: 20261123 },
  )
})

test('the guest has 1 to 64 vCPUs', () => {
  for (const vcpus of [0, 65]) expect(() => guestParams({ vcpus })).toThrow(RangeError)
})
