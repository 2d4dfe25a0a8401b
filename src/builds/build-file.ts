// Owns the standalone build file: one JSON with a build's name, rules and values. Written by the generator and by `builds derive`; read
// from strangers, so everything in it is validated before it is believed. No file I/O.
import { SnapError } from '../errors.ts'
import { type Build, makeBuild } from './build.ts'
import { decodeHost, decodeKernel, encodeHost, encodeKernel } from './codec.ts'

/** Longest accepted build file, in characters. */
export const MOST_BUILD_FILE = 4 << 20

export const encodeBuildFile = (build: Build): string =>
  `${JSON.stringify({ format: 'psci-snap-build', version: 1, name: build.name, kernel: encodeKernel(build.kernel), host: encodeHost(build.host) }, undefined, 1)}\n`

/** Parses a build file's text. Throws BUILD_INVALID with the path of the first thing wrong. `file` is for messages. */
export async function parseBuildFile(text: string, file: string): Promise<Build> {
  if (text.length > MOST_BUILD_FILE) throw new SnapError('BUILD_INVALID', `${file}: longer than a build file can be (${MOST_BUILD_FILE} characters)`, { file })
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (cause) {
    throw new SnapError('BUILD_INVALID', `${file}: not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { file }, { cause })
  }
  const { checkBuildFile } = await import('./validate.ts')
  const checked = checkBuildFile(raw, file)
  return makeBuild(checked.name, decodeKernel(checked.kernel), decodeHost(checked.host))
}
