// For scripts that are not started by npm: a Node that is new enough, and the dependencies, before anything of them is imported.
import { ensureInstalled, requireNode } from './prepare.mjs'

requireNode()
await ensureInstalled()
