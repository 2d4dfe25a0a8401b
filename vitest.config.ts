import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { include: ['test/**/*.test.ts'], globalSetup: ['test/bundle-setup.ts'], testTimeout: 30_000 },
})
