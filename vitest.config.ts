import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['test/bundle-setup.ts'],
    // What holds no state outside its machines shares the modules of a worker, the generated interpreter among them.
    projects: [
      { extends: true, test: { name: 'machine', include: ['test/emulator/**/*.test.ts'], isolate: false } },
      { extends: true, test: { name: 'rest', include: ['test/**/*.test.ts'], exclude: ['test/emulator/**'] } },
    ],
    testTimeout: 30_000,
    // Vitest's own default leaves one core idle: on two cores the tests would take twice as long.
    maxWorkers: availableParallelism(),
  },
})
