import { defineConfig } from 'vitest/config'

// Tests that take minutes, run by .ci/run and not by `npm test`: files named *.slow.ts beside the fast ones.
export default defineConfig({
  test: { include: ['test/**/*.slow.ts'], globalSetup: ['test/bundle-setup.ts'], testTimeout: 600_000, passWithNoTests: true },
})
