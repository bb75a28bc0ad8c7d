import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kubeconfigText } from '../../apps/cli/src/commands/kubeconfig.ts';
import { checkout, run, type Outcome } from './programs.ts';

/** A checkout with nothing in it but the launcher, in a folder with a space, and a PATH of stand-ins. */
let root: string;
let bin: string;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'hks-launcher-')), 'a check out');
  bin = join(root, 'stand-ins');
  mkdirSync(bin, { recursive: true });
  cpSync(join(checkout, 'hks'), join(root, 'hks'));
  cpSync(join(checkout, 'tools/launcher'), join(root, 'tools/launcher'), { recursive: true });
  writeFileSync(join(root, 'package-lock.json'), '{}');
});
afterEach(() => rmSync(join(root, '..'), { recursive: true, force: true }));

/** A program on PATH that does what a few lines of shell say. */
function standIn(name: string, lines: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${lines}\n`);
  chmodSync(join(bin, name), 0o755);
}

/** Everything a POSIX system has, but neither Node nor npm. */
function withoutNode(): NodeJS.ProcessEnv {
  for (const tool of [
    'sh',
    'dirname',
    'cksum',
    'mkdir',
    'rm',
    'rmdir',
    'mv',
    'mktemp',
    'uname',
    'ls',
    'head',
    'tail',
    'sleep',
    'tar',
    'readlink',
    'date',
    'cat',
    'gzip',
  ]) {
    const path = ['/usr/bin', '/bin']
      .map((folder) => join(folder, tool))
      .find((candidate) => existsSync(candidate));
    if (path !== undefined && !existsSync(join(bin, tool))) symlinkSync(path, join(bin, tool));
  }
  return { PATH: bin, HOME: '/nowhere' };
}

const hks = (...args: string[]): Promise<Outcome> => run(join(root, 'hks'), args, { env: withoutNode() });
const echoNode = (version: string): string =>
  `[ "$1" = --version ] && { echo ${version}; exit; }; echo "ran $*"`;
const npmThatInstalls = 'echo "$*" >>"$0.calls"; mkdir -p node_modules; sleep 0.3';
const npmCalls = (): string[] =>
  existsSync(join(bin, 'npm.calls')) ? readFileSync(join(bin, 'npm.calls'), 'utf8').trim().split('\n') : [];

describe('the launcher', () => {
  it('without Node says what to install', async () => {
    const { code, stderr } = await hks('workspace', 'list');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^hks: Node\.js is missing\. Install Node\.js 20 or newer with npm/),
    ]);
  });

  it.each(['v24.12.0', 'v24.21.3', 'v25.0.0', 'v100.0.0'])(
    'uses the Node of the system when it is %s',
    async (version) => {
      standIn('node', echoNode(version));
      standIn('npm', npmThatInstalls);
      const { code, stdout, stderr } = await hks('workspace', 'list');
      expect([code, stdout], stderr).toEqual([
        0,
        expect.stringMatching(/^ran .*a check out\/apps\/cli\/src\/main\.ts workspace list\n$/),
      ]);
      expect(npmCalls()).toEqual(['ci --ignore-scripts --no-audit --no-fund --loglevel=error']);
    },
  );

  it.each(['v24.11.9', 'v20.20.1', 'v18.0.0', 'nonsense'])(
    'fetches its own when the system’s is %s',
    async (version) => {
      standIn('node', echoNode(version));
      standIn('npm', 'echo "$*" >>"$0.calls"; echo "no network here" >&2; exit 1');
      const { code, stderr } = await hks('workspace', 'list');
      expect(code).toBe(1);
      if (process.platform === 'linux')
        expect(npmCalls()[0]).toMatch(/^pack --silent node-linux-\w+@\d+\.\d+\.\d+$/);
      expect(stderr).toContain('no network here');
      expect(stderr).toMatch(/Install Node\.js 24\.12 or newer/);
      expect(existsSync(join(root, '.hks/install.lock'))).toBe(false);
    },
  );

  it('installs packages once, however many start at the same time, and again when they change', async () => {
    standIn('node', echoNode('v24.12.0'));
    standIn('npm', npmThatInstalls);
    const outcomes = await Promise.all([1, 2, 3].map(() => hks('workspace', 'list')));
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(npmCalls()).toHaveLength(1);
    await hks('workspace', 'list');
    expect(npmCalls()).toHaveLength(1);
    writeFileSync(join(root, 'package-lock.json'), '{"changed":true}');
    await hks('workspace', 'list');
    expect(npmCalls()).toHaveLength(2);
  });

  it('takes up an installation that a killed one left, and says why one failed', async () => {
    standIn('node', echoNode('v24.12.0'));
    standIn('npm', 'echo "registry says no" >&2; exit 1');
    mkdirSync(join(root, '.hks'));
    writeFileSync(join(root, '.hks/install.lock'), '4194999\n');
    const { code, stderr } = await hks('workspace', 'list');
    expect([code, stderr]).toEqual([1, expect.stringContaining('registry says no')]);
    standIn('npm', npmThatInstalls);
    expect((await hks('workspace', 'list')).code).toBe(0);
  });

  it.each([
    ['up', 'apps/server/src/main.ts up'],
    ['status', 'apps/server/src/main.ts status'],
    ['kubernetes', 'apps/server/src/kubernetes-main.ts kubernetes'],
    ['check', 'tools/check.ts'],
    ['kubeconfig', 'apps/cli/src/main.ts kubeconfig'],
  ])('hands `hks %s` to %s', async (verb, program) => {
    standIn('node', echoNode('v24.12.0'));
    standIn('npm', npmThatInstalls);
    const { stdout } = await hks(verb, 'an argument  with spaces');
    expect(stdout).toMatch(new RegExp(`${program} an argument  with spaces\n$`));
  });
});

describe('a kubeconfig', () => {
  const facts = {
    context: 'hexabase-demo',
    server: 'https://localhost:8443/k8s/workspaces/1',
    certificateAuthorityData: 'AA==',
    workspaceId: '1',
  };

  it('names a launcher below a folder with spaces as one program, not a command line', () => {
    const text = kubeconfigText(facts, {
      launcher: join(root, 'hks'),
      configFile: join(root, 'conf: #1', 'config.yaml'),
      context: null,
    });
    expect(text).toContain(`command: ${join(root, 'hks')}\n`);
    expect(text).toMatch(/value: ".*conf: #1\/config\.yaml"/);
  });

  it('goes on with the session that it was made with, whichever is the current one later', () => {
    const text = kubeconfigText(facts, { launcher: '/hks', configFile: '/c', context: 'work' });
    expect(text).toContain('- name: HKS_CONTEXT\n            value: work');
  });

  it('has no certificate authority where the gateway is publicly trusted', () => {
    expect(
      kubeconfigText(
        { ...facts, certificateAuthorityData: null },
        { launcher: '/hks', configFile: '/c', context: null },
      ),
    ).not.toContain('certificate-authority');
  });
});
