import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:https';
import { resolve } from 'node:path';
import { json } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';

const program = resolve(import.meta.dirname, '../kubernetes-main.ts');
const kubeconfig = z.object({
  clusters: z
    .array(z.object({ cluster: z.object({ server: z.url(), 'certificate-authority-data': z.base64() }) }))
    .length(1),
  users: z.array(z.object({ user: z.object({ token: z.string() }) })).length(1),
});

it('`hks kubernetes serve` prints a kubeconfig that works, and stops when it is asked to', async () => {
  const args = ['kubernetes', 'serve', '--port', '0', '--nodes', '2', '--authorization', 'RBAC'];
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [printed]: unknown[] = await once(child.stdout, 'data');
    const config = kubeconfig.parse(parse(String(printed)));
    const cluster = config.clusters[0]?.cluster;
    const token = config.users[0]?.user.token ?? '';
    const nodes = (authorization: string) =>
      get(new URL('/api/v1/nodes', cluster?.server), {
        ca: cluster?.['certificate-authority-data'] ?? '',
        authorization,
      });
    expect(await nodes(`Bearer ${token}`)).toMatchObject({ kind: 'NodeList', items: [{}, {}] });
    expect(await nodes('Bearer wrong')).toMatchObject({ kind: 'Status', code: 401 });
  } finally {
    child.kill('SIGINT');
  }
  const [exitCode]: unknown[] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
  expect(exitCode).toBe(0);
});

it('a wrong setting is refused in words', async () => {
  const child = spawn(process.execPath, [program, 'kubernetes', 'serve', '--authorization', 'none']);
  let problem = '';
  child.stderr.on('data', (chunk: Buffer) => (problem += chunk.toString()));
  const [exitCode]: unknown[] = await once(child, 'exit');
  expect(exitCode).toBe(1);
  expect(problem).toContain('authorization');
});

async function get(url: URL, { ca, authorization }: { ca: string; authorization: string }): Promise<unknown> {
  const sent = request(url, { ca: Buffer.from(ca, 'base64'), headers: { authorization }, agent: false });
  sent.end();
  const [response] = await once(sent, 'response');
  return json(response);
}
