import { run, runScript } from './run.ts';

interface Check {
  name: string;
  run: () => Promise<number>;
  /** Mends what can be mended by a machine. */
  fix?: () => Promise<number>;
}

const code = ['apps', 'packages', 'tests', 'tools', 'vitest.config.ts'];

const checks: readonly Check[] = [
  {
    name: 'format',
    run: () => run('oxfmt', ['--check', ...code]),
    fix: () => run('oxfmt', ['--write', ...code]),
  },
  { name: 'lint', run: () => run('oxlint', []), fix: () => run('oxlint', ['--fix']) },
  { name: 'types', run: () => run('tsc', ['-p', '.']) },
  { name: 'dead code', run: () => run('knip', ['--no-progress']) },
  {
    name: 'freshness',
    run: () => runScript('tools/gen.ts', ['--check']),
    fix: () => runScript('tools/gen.ts'),
  },
  { name: 'architecture', run: () => run('vitest', ['run', 'tests/architecture', '--reporter=dot']) },
];

const fixing = process.argv.includes('--fix');
const failed: string[] = [];
for (const check of checks) {
  process.stdout.write(`\n== ${check.name}\n`);
  const exitCode = await (fixing && check.fix ? check.fix() : check.run());
  if (exitCode !== 0) failed.push(check.name);
}
process.stdout.write(
  failed.length === 0
    ? '\nAll checks passed.\n'
    : `\nFailed: ${failed.join(', ')}. \`npm run fix\` mends format, lint and generated files.\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
