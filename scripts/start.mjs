// `npm start`: the story in one screen, from a fresh clone with nothing installed but Node.
import { ensureBuilt, ensureInstalled, requireNode, root, run } from './prepare.mjs'

requireNode()
await ensureInstalled()
await ensureBuilt()
process.exitCode = await run(process.execPath, [`${root}scripts/story.mjs`, ...process.argv.slice(2)])
