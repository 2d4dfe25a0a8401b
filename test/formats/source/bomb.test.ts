// Compression bombs against limits made small: the real ones let half a gigabyte pass before a file is suspected.
import { gzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { bytesSource } from '../../../src/formats/source/source.ts'
import { unwrap } from '../../../src/formats/source/unwrap.ts'

vi.mock('../../../src/formats/source/limits.ts', async original => {
  const { SOURCE_LIMITS } = await original<typeof import('../../../src/formats/source/limits.ts')>()
  return { SOURCE_LIMITS: { ...SOURCE_LIMITS, unwrappedFree: 4 << 20 } }
})

const member = gzipSync(new Uint8Array(3 << 20))

test('a gzip bomb stops at its ratio', async () => {
  const bomb = Buffer.concat([member, member, member])
  await expect(unwrap(bytesSource(bomb, 'bomb.gz'))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', message: expect.stringMatching(/compression bomb/) })
})

test('what stays below it is read, however well it is packed', async () => {
  expect((await unwrap(bytesSource(member, 'small.gz'))).size).toBe(3 << 20)
})
