import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@hexabase/testkit/free-port.ts';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostKubectls, hostSettings } from './host-product.ts';
import { makeInstallation, type Installation } from './product.ts';
import { checkout, run, type Outcome } from './programs.ts';

/** With the images of the examples: those of tests/hostcluster. */
const given = hostCluster('tenant');
const host = given?.binaries && given.issuerAddress ? given : null;
const commands = commandsOf(['## 3.', '## 4.', '## 5.']);
const limitMs = 100_000;

/** Every command of the guide from the start to the end of the first workspace, as it is typed. */
describe.skipIf(host === null)('the guide to real clusters', () => {
  const [, kubectl = ''] = Object.entries(hostKubectls(host)).at(-1) ?? [];
  const exported: string[] = [];
  let broken = '';
  let installation: Installation;
  let folder: string;
  let port = 0;

  beforeAll(async () => {
    if (host === null) return;
    port = await freePort(host.issuerAddress ?? '');
    folder = await mkdtemp(join(tmpdir(), 'hks-guide-'));
    const settings = join(folder, 'settings.yaml');
    // The ports of the guide may be taken on this machine, and its address is another one.
    await writeFile(settings, `httpPort: 0\nhttpsPort: ${port}\n`);
    installation = await makeInstallation({ ...hostSettings(host), HKS_SERVER_CONFIG: settings });
    for (const name of ['hks', 'hexabase-cli']) {
      await writeFile(join(folder, name), `#!/bin/sh\nexec ${join(checkout, name)} "$@"\n`);
      await chmod(join(folder, name), 0o755);
    }
    await symlink(join(checkout, 'examples'), join(folder, 'examples'));
    await mkdir(join(folder, 'bin'));
    await symlink(kubectl, join(folder, 'bin/kubectl'));
    await copyFile(host.kubeconfig, join(folder, 'host.yaml'));
  });
  afterAll(async () => {
    // A guide that broke off leaves nothing on the host either.
    await typed('./hks workspace delete my-first-workspace --yes');
    await installation?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const typed = (text: string): Promise<Outcome> =>
    run('/bin/sh', ['-c', [...exported, text].join('\n')], {
      env: { ...installation.env, PATH: `${join(folder, 'bin')}:${installation.env['PATH']}` },
      cwd: folder,
      timeoutMs: 180_000,
    });

  it('leads from a host cluster to its first workspace and back', () => {
    const all = commands.join('\n');
    for (const part of [
      './hks up',
      'workspace create',
      'apply -f examples/app.yaml',
      'top pods',
      'logs',
      'workspace delete',
    ])
      expect(all).toContain(part);
    expect(commands.length).toBeGreaterThan(20);
  });

  it.each(commands)('%s', { timeout: limitMs + 180_000 }, async (command) => {
    const text = command
      .replace('192.168.1.20:8443', `${host?.issuerAddress}:${port}`)
      // It asks for the name on a terminal, and there is none here.
      .replace(/(workspace delete .*)/, '$1 --yes');
    if (broken !== '') throw new Error(`an earlier command did not work: ${broken}`);
    if (text.startsWith('export ')) return void exported.push(text);
    const end = performance.now() + limitMs;
    for (;;) {
      const { code, stdout, stderr } = await typed(text);
      if (code === 0) return;
      // What only reads may be asked again: people take longer from one line to the next.
      if (!/ (get|top|logs) /.test(text) || performance.now() > end) {
        broken = text;
        throw new Error(`${text}\nended with ${code}: ${stdout}${stderr}`);
      }
      await sleep(1_000);
    }
  });
});

/** The lines of the command blocks below these headings. */
function commandsOf(headings: readonly string[]): string[] {
  const text = readFileSync(join(checkout, 'docs/guides/real-cluster.md'), 'utf8');
  const parts = text
    .split(/^(?=## )/m)
    .filter((part) => headings.some((heading) => part.startsWith(heading)));
  return parts.flatMap((part) =>
    [...part.matchAll(/^```\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => block.trimEnd().split('\n')),
  );
}
