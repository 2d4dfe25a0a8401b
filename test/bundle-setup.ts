// Owns the bundle that shell tests run: built before the first test when the sources are newer. A build that fails fails those tests only.

import type { TestProject } from 'vitest/node'
import { buildCli } from '../scripts/build.mjs'
import { bundleIsStale } from '../scripts/freshness.mjs'

declare module 'vitest' {
  interface ProvidedContext {
    bundle: string
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const root = `${project.config.root}/`
  project.provide('bundle', await build(root))
}

async function build(root: string): Promise<string> {
  try {
    if (bundleIsStale(root)) await buildCli()
    return 'ready'
  } catch (error) {
    return `the bundle cannot be built: ${error instanceof Error ? error.message : error}`
  }
}
