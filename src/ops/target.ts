// Owns what `--build` and `--to` may name: a built-in build, one of its aliases, or a build file.

import type { Build } from '../builds/build.ts'
import { MOST_BUILD_FILE, parseBuildFile } from '../builds/build-file.ts'
import { findBuild, loadBuild } from '../builds/load.ts'
import { SnapError } from '../errors.ts'
import { openSource } from '../formats/source/open.ts'
import { readAll } from '../formats/source/source.ts'

/**
 * A build by name, or from a file: a name that no built-in has, and that contains a `/`, a `.` or names an existing file, is a path.
 * Throws BUILD_UNKNOWN with near names, BUILD_INVALID for a file that is no build, CANNOT_READ.
 */
export async function resolveBuild(name: string): Promise<Build> {
  const built = findBuild(name)
  if (built) return built
  let source: Awaited<ReturnType<typeof openSource>>
  try {
    source = await openSource(name)
  } catch (error) {
    if (error instanceof SnapError && error.code === 'CANNOT_READ' && !looksLikePath(name)) return loadBuild(name) // throws, with near names
    throw error
  }
  try {
    return await parseBuildFile(new TextDecoder().decode(await readAll(source, MOST_BUILD_FILE, 'a build file')), name)
  } finally {
    await source.close()
  }
}

const looksLikePath = (name: string): boolean => /\.json(\.(gz|zst))?$/.test(name) || name.startsWith('.') || name.startsWith('/')
