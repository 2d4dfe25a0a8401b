import { expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { lz4Frame } from '../../../src/formats/source/lz4-frame.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'

/** What is in every frame: three blocks of 64 KiB or less that repeat themselves and what was before them. */
const CONTENT = Uint8Array.from({ length: 140_000 }, (_, i) => ((i % 97) * 7 + Math.floor(i / 60_000)) % 256)

/** Frames of CONTENT, written by lz4 1.9.4 (the command line program) with -B4 -BI; -B4 -BD; -B4 -BX -BD --content-size; -B7 -BI --no-frame-crc. */
const FRAMES: readonly (readonly [string, string])[] = [
  [
    'independent blocks, content checksum',
    'BCJNGGRAp74BAAD/UgAHDhUcIyoxOD9GTVRbYmlwd36FjJOaoaivtr3Ey9LZ4Ofu9fwDChEYHyYtNDtCSVBXXmVsc3qBiI+WnaSrsrnAx87V3OPq8fj/Bg0UGyIpMDc+RUxTWmFob3Z9' +
      'hIuSmaBhAP//////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '/////////////////////////////////////////9b/BHuCiZCXnqWss7rByM/W3eTr8vlz6gX/JwEIDxYdJCsyOUBHTlVcY2pxeH+GjZSboqmwt77FzNPa4ejv9v0ECxIZICcuNTxD' +
      'SlFYX2ZtdGEA////////////////////////////PFCJkJeepb0BAAD/UqyzusHIz9bd5Ovy+QAHDhUcIyoxOD9GTVRbYmlwd36FjJOaoQEIDxYdJCsyOUBHTlVcY2pxeH+GjZSboqmw' +
      't77FzNPa4ejv9v0ECxIZICcuNTxDSlFYX2ZtdHuCiZCXnqVhAP//////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '/////////////////////////////////////////////////////yH/L09WXWRrcnmAh46VnKOqsbi/xs3U2+Lp8Pf+BQwTGiEoLzY9REtSWWBnbnV8g4qRmJ+mrbS7wsnQ197l7PP6' +
      '2tQFvwIJEBceJSwzOkFIYQD////////////////////////////////////////////////////////xUI6VnKOqjgAAAP9Ssbi/xs3U2+Lp8Pf+BQwTGiEoLzY9REtSWWBnbnV8g4qR' +
      'mJ+mrbS7wsnQ197l7PP6AQgPFh0kKzI5QEdOVVxjanF4f4aNlJuiAgkQFx4lLDM6QUhPVl1ka3J5gIeOlZyjqmEA/////////////////////////////////////////////4lQqrG4' +
      'v8YAAAAA+XtExQ==',
  ],
  [
    'linked blocks',
    'BCJNGERAXr4BAAD/UgAHDhUcIyoxOD9GTVRbYmlwd36FjJOaoaivtr3Ey9LZ4Ofu9fwDChEYHyYtNDtCSVBXXmVsc3qBiI+WnaSrsrnAx87V3OPq8fj/Bg0UGyIpMDc+RUxTWmFob3Z9' +
      'hIuSmaBhAP//////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '/////////////////////////////////////////9b/BHuCiZCXnqWss7rByM/W3eTr8vlz6gX/JwEIDxYdJCsyOUBHTlVcY2pxeH+GjZSboqmwt77FzNPa4ejv9v0ECxIZICcuNTxD' +
      'SlFYX2ZtdGEA////////////////////////////PFCJkJeepVsBAAAPmRX/////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '//////////////////////////////////////////////////////////////+C/y9PVl1ka3J5gIeOlZyjqrG4v8bN1Nvi6fD3/gUMExohKC82PURLUllgZ251fIOKkZifpq20u8LJ' +
      '0Nfe5ezz+nPqBb8CCRAXHiUsMzpBSGEA////////////////////////////////////////////////////////8VCOlZyjqiwAAAAPMiv/////////////////////////////////' +
      '////////////6lCqsbi/xgAAAAD5e0TF',
  ],
  [
    'block checksums and content size',
    'BCJNGFxA4CICAAAAAABPvgEAAP9SAAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tng5+71/AMKERgfJi00O0JJUFdeZWxzeoGIj5adpKuyucDHztXc4+rx+P8GDRQbIikwNz5F' +
      'TFNaYWhvdn2Ei5KZoGEA////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////1v8Ee4KJkJeepayzusHIz9bd5Ovy+XPqBf8nAQgPFh0kKzI5QEdOVVxjanF4f4aNlJuiqbC3vsXM09rh6O/2/QQL' +
      'EhkgJy41PENKUVhfZm10YQD///////////////////////////88UImQl56l+rpuq1sBAAAPmRX/////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '//////////////////////////////////////////////////////////////////////////////+C/y9PVl1ka3J5gIeOlZyjqrG4v8bN1Nvi6fD3/gUMExohKC82PURLUllgZ251' +
      'fIOKkZifpq20u8LJ0Nfe5ezz+nPqBb8CCRAXHiUsMzpBSGEA////////////////////////////////////////////////////////8VCOlZyjqqN2x8ksAAAADzIr////////////' +
      '/////////////////////////////////+pQqrG4v8bvVzB/AAAAAPl7RMU=',
  ],
  [
    'one large block, no checksum',
    'BCJNGGBQ+zIDAAD/UgAHDhUcIyoxOD9GTVRbYmlwd36FjJOaoaivtr3Ey9LZ4Ofu9fwDChEYHyYtNDtCSVBXXmVsc3qBiI+WnaSrsrnAx87V3OPq8fj/Bg0UGyIpMDc+RUxTWmFob3Z9' +
      'hIuSmaBhAP//////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '/////////////////////////////////////////9b/BHuCiZCXnqWss7rByM/W3eTr8vlz6gX/JwEIDxYdJCsyOUBHTlVcY2pxeH+GjZSboqmwt77FzNPa4ejv9v0ECxIZICcuNTxD' +
      'SlFYX2ZtdGEA////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////1v8vT1ZdZGtyeYCHjpWco6qxuL/GzdTb4unw9/4FDBMaISgvNj1ES1JZYGdudXyDipGYn6attLvCydDX3uXs8/pz6gW/AgkQ' +
      'Fx4lLDM6QUhhAP//////////////////////////////////////////////////////////////////////////////////////////////////////9FCqsbi/xgAAAAA=',
  ],
]
const frame = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

async function unpack(bytes: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of lz4Frame(bytesSource(bytes, 'x.lz4'))) pieces.push(new Uint8Array(piece))
  return new Uint8Array(Buffer.concat(pieces))
}
const failure = (bytes: Uint8Array): Promise<unknown> =>
  unpack(bytes).then(
    () => undefined,
    (error: unknown) => error,
  )

test.each(FRAMES)('%s', async (_name, text) => {
  expect(Buffer.compare(await unpack(frame(text)), CONTENT)).toBe(0)
})

test('an empty frame', async () => {
  expect((await unpack(frame('BCJNGERApwAAAAAFXcwC'))).length).toBe(0)
})

test.each(FRAMES)('%s: cut anywhere before its end mark it is a SnapError', async (_name, text) => {
  const bytes = frame(text)
  for (let length = 0; length < bytes.length - 8; length += 7)
    expect(await failure(bytes.subarray(0, length))).toMatchObject({ code: 'INPUT_CORRUPT', at: { file: 'x.lz4', offset: expect.any(Number) } })
})

test.each(FRAMES)('%s: any byte changed gives bytes or a SnapError', async (_name, text) => {
  const bytes = frame(text)
  for (let at = 0; at < bytes.length; at += 3) {
    const damaged = new Uint8Array(bytes)
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8))
    const error = await failure(damaged)
    expect(error === undefined || error instanceof SnapError, `byte ${at}: ${String(error)}`).toBe(true)
  }
})
