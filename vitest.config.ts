import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/bundle-setup.ts'],
    testTimeout: 30_000,
    // Vitest's own default leaves one core idle: on two cores the tests would take twice as long.
    maxWorkers: availableParallelism(),
  },
})
