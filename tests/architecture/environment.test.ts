import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { environmentVariables } from '../../apps/server/src/config.ts';
import { isTest, root, sourceFiles } from './source-files.ts';

/** Of the operating system, or handed from the launcher to the programs that it starts. */
const known = [
  'DISPLAY',
  'HOME',
  'PATH',
  'SSH_CONNECTION',
  'WAYLAND_DISPLAY',
  'XDG_CONFIG_HOME',
  'HKS_LAUNCHER',
  'HKS_NODE',
  'HKS_PARENT_PID',
  'HKS_PREPARED',
  'HKS_TEST_HOST_KUBECONFIG',
  'HKS_TEST_HOST_LEVEL',
  'HKS_TEST_KUBECTLS',
];

it('every environment variable that is read is documented, and none is documented in vain', () => {
  const code = sourceFiles('apps', 'packages', 'tools').filter((file) => !isTest(file));
  const fromCode = code.flatMap((file) =>
    [...file.text.matchAll(/\benv(?:\.|\[')([A-Z][A-Z0-9_]+)/g)].map((match) => match[1] ?? ''),
  );
  const shell = ['hks', 'tools/launcher/prepare.sh']
    .map((path) => readFileSync(join(root, path), 'utf8'))
    .join('\n');
  const fromShell = [...shell.matchAll(/\$\{?(HKS_[A-Z_]+)/g)].map((match) => match[1] ?? '');
  const read = new Set([...fromCode, ...fromShell]);
  const documented = Object.keys(environmentVariables);
  expect(read.size).toBeGreaterThan(5);
  expect([...read].filter((name) => !known.includes(name) && !documented.includes(name))).toEqual([]);
  expect(documented.filter((name) => !read.has(name))).toEqual([]);
});
