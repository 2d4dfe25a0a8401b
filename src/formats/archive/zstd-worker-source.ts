// Owns the few lines that run zstd and sha256 over one chunk, as text: the same lines run in this process for small archives and in worker
// threads for large ones, from source, from a bundle and under test runners, none of which agree on how to find a worker's file.
// The codec is node:zlib where it has zstd (Node 22.15 and later), else WebAssembly. Knows no archive.

/** What the text is given as `settings`. */
export interface CodecSettings {
  /** Use node:zlib; else the module at `wasmPath`. */
  readonly core: boolean
  readonly wasmPath: string | undefined
  readonly level: number
  /** How much larger than its content a frame may get. */
  readonly overhead: number
}

/** What the text returns. */
export interface ChunkWork {
  readonly ready: Promise<void>
  /** At most `most` bytes of content of one whole frame. Throws an Error for a damaged one. */
  inflate(frame: Uint8Array, most: number): Uint8Array
  compress(raw: Uint8Array): { readonly frame: Uint8Array; readonly storedSha256: string; readonly rawSha256: string }
  /** The content, or what is wrong. `size` and both digests are checked here, never left to the codec: some decoders pass damaged frames. */
  decompress(frame: Uint8Array, size: number, storedSha256: string, rawSha256: string): Uint8Array | string
}

/** Body of a function of (require, settings) that returns a ChunkWork. */
export const WORK_SOURCE = `'use strict'
const { createHash } = require('node:crypto')
const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')
// Results of this size never come from Node's shared pool of small buffers, which must not be moved to another thread or released.
const OWN = 131072
const plain = buffer => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
let deflate, inflate, ready = Promise.resolve()
if (settings.core) {
  const zlib = require('node:zlib')
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: settings.level, [zlib.constants.ZSTD_c_checksumFlag]: 1 }
  deflate = raw => plain(zlib.zstdCompressSync(raw, { params, chunkSize: Math.max(raw.length + settings.overhead, OWN) }))
  inflate = (frame, size) => plain(zlib.zstdDecompressSync(frame, { chunkSize: Math.min(Math.max(size, OWN), 1 << 20) + 64, maxOutputLength: Math.max(size, 1) }))
} else {
  const wasm = require(settings.wasmPath)
  ready = wasm.init()
  deflate = raw => wasm.compress(raw, settings.level)
  inflate = (frame, size) => wasm.decompress(frame, { defaultHeapSize: Math.max(size, 1) })
}
return {
  ready,
  inflate,
  compress(raw) {
    const frame = deflate(raw)
    return { frame, storedSha256: sha256(frame), rawSha256: sha256(raw) }
  },
  decompress(frame, size, storedSha256, rawSha256) {
    if (sha256(frame) !== storedSha256) return 'the stored bytes do not match their digest'
    let raw
    try {
      raw = inflate(frame, size)
    } catch (error) {
      return 'the zstd frame is damaged (' + (error && (error.code || error.message)) + ')'
    }
    if (raw.length !== size) return 'the zstd frame holds ' + raw.length + ' bytes instead of ' + size
    if (sha256(raw) !== rawSha256) return 'the content does not match its digest'
    return raw
  },
}
`

/**
 * A worker thread's whole program: one message in, one message out, buffers moved rather than copied, and what was moved in is given back to the
 * system at once (`transfer(0)`, Node 22 and later): a collector sees a few small objects and lets megabytes pile up behind them.
 */
export const WORKER_SOURCE = `'use strict'
const { parentPort, workerData } = require('node:worker_threads')
const work = (function (require, settings) {${WORK_SOURCE}})(require, workerData)
parentPort.on('message', async ({ id, op, bytes, args }) => {
  try {
    await work.ready
    const result = op === 'compress' ? work.compress(bytes) : work.decompress(bytes, ...args)
    const out = op === 'compress' ? result.frame : result
    parentPort.postMessage({ id, result }, typeof out === 'string' ? [] : [out.buffer])
    if (bytes.buffer.transfer) bytes.buffer.transfer(0)
  } catch (error) {
    parentPort.postMessage({ id, error: String(error && error.stack) })
  }
})
`
