// `npm test`: all fast tests, from a fresh clone with nothing installed but Node. Further arguments are vitest's: `npm test -- -u test/cli`.
import { ensureInstalled, requireNode, root, run } from './prepare.mjs'

requireNode()
await ensureInstalled()
// The bundle is built by the tests' own setup, so that `npx vitest` has it too.
process.exitCode = await run(process.execPath, [`${root}node_modules/vitest/vitest.mjs`, 'run', ...process.argv.slice(2)])
