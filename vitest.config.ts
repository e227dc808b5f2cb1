import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Interop and end-to-end tests start daemons and measure losses: two at a time starve each other on small machines.
    maxWorkers: 2,
  },
});
