// Owns what shell tests run on: the bundle, made before the first test when the sources are newer. One that cannot be made fails only the
// tests that need it, with the reason.
import type { TestProject } from 'vitest/node'
import { buildCli } from '../scripts/build.mjs'
import { bundleIsStale } from '../scripts/freshness.mjs'

declare module 'vitest' {
  interface ProvidedContext {
    /** `ready`, or why not. */
    bundle: string
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const root = `${project.config.root}/`
  project.provide('bundle', await made(() => bundleIsStale(root), buildCli))
}

async function made(isStale: () => boolean, make: () => Promise<void>): Promise<string> {
  try {
    if (isStale()) await make()
    return 'ready'
  } catch (error) {
    return `it cannot be built: ${error instanceof Error ? error.message : error}`
  }
}
