import { configDefaults, defineConfig } from 'vitest/config';

// Suites that need built components (tests/hostcluster) are apart: `./hks test host` runs them and nothing else.
const host = process.env['HKS_TEST_SUITE'] === 'host';
const kind = host ? 'host.test' : 'test';

export default defineConfig({
  test: {
    include: [`{apps,packages}/*/src/**/*.${kind}.ts`, `tests/**/*.${kind}.ts`, `tools/**/*.${kind}.ts`],
    exclude: [...configDefaults.exclude, ...(host ? [] : ['**/*.host.test.ts'])],
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 240_000,
  },
});
