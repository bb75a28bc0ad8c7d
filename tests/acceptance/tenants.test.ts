import { request } from 'node:https';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { addPerson, refused, startProduct, succeed, type Person, type Product } from './product.ts';
import { signIn, type Rest } from './rest.ts';

const canary = 'canary-of-the-first';
const absent = '00000000-0000-7000-8000-000000000000';
const absentSentence = 'hks: There is no such thing, or you may not know of it.\n';

let product: Product;
let stranger: Person;
let strangerRest: Rest;
let own: Workspace;
let foreign: Workspace;

interface Workspace {
  id: string;
  slug: string;
  server: string;
  ca: Buffer;
  token: string;
}

beforeAll(async () => {
  product = await startProduct();
  stranger = await addPerson(product, 'stranger');
  strangerRest = await signIn(product.httpUrl, stranger.email, stranger.password);
  foreign = await makeWorkspace(product, canary);
  own = await makeWorkspace(stranger, 'workspace of a stranger');
});
afterAll(() => product[Symbol.asyncDispose]());

async function makeWorkspace(of: Pick<Person, 'hks'>, name: string): Promise<Workspace> {
  const made = JSON.parse(succeed(await of.hks(['workspace', 'create', name, '-o', 'json']))) as {
    id: string;
    slug: string;
  };
  const config = parse(succeed(await of.hks(['kubeconfig', made.slug]))) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  };
  const { cluster } = config.clusters[0];
  const credential = JSON.parse(succeed(await of.hks(['kube-credential', '--workspace', made.id]))) as {
    status: { token: string };
  };
  return {
    ...made,
    server: cluster.server,
    ca: Buffer.from(cluster['certificate-authority-data'], 'base64'),
    token: credential.status.token,
  };
}

/** One request to the gateway; the certificate is checked against the workspace's authority. */
function viaGateway(
  workspace: Workspace,
  path: string,
  token: string,
): Promise<{ status: number; text: string }> {
  return new Promise((done, fail) => {
    const call = request(
      workspace.server + path,
      { ca: workspace.ca, headers: { authorization: `Bearer ${token}` } },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => done({ status: answer.statusCode ?? 0, text }));
      },
    );
    call.on('error', fail);
    call.end();
  });
}

describe('a second organization’s user', () => {
  it('has a working workspace of their own', async () => {
    expect((await viaGateway(own, '/api/v1/namespaces', own.token)).status).toBe(200);
  });

  it('sees nothing of the first in any list of the command line', async () => {
    for (const args of [
      ['workspace', 'list'],
      ['organization', 'list'],
      ['operation', 'list'],
      ['member', 'list'],
      ['audit', 'list'],
      ['audit', 'mine'],
      ['group', 'list'],
      ['invitation', 'list'],
      ['service-account', 'list'],
      ['token', 'list'],
    ]) {
      const shown = succeed(await stranger.hks([...args, '-o', 'json']));
      expect(shown).not.toContain(canary);
      expect(shown).not.toContain(foreign.id);
      expect(shown).not.toContain('owner@hexabase.local');
    }
  });

  it.each([
    'workspace get NAME',
    'workspace update NAME --description mine',
    'workspace delete NAME --yes',
    'kubeconfig NAME',
    'project list --workspace NAME',
  ])('gets the same answer for the first one’s workspace as for an absent one: hks %s', async (command) => {
    const names = [absent, foreign.id, foreign.slug];
    const asked = await Promise.all(
      names.map((name) => stranger.hks(command.replace('NAME', name).split(' '))),
    );
    expect(asked.map(refused)).toEqual([absentSentence, absentSentence, absentSentence]);
    expect(asked.map(({ stdout }) => stdout)).toEqual(['', '', '']);
  });

  it('gets no kubectl token for it, and a sentence that says no more than for an absent one', async () => {
    const sentences = await Promise.all(
      [foreign.id, absent].map(async (id) =>
        refused(await stranger.hks(['kube-credential', '--workspace', id])),
      ),
    );
    expect(sentences[0]).toBe(sentences[1]);
    expect(sentences[0]).toContain('gone, or you no longer have access');
  });

  it('gets the same bytes over REST for the foreign and the absent, request id aside', async () => {
    const paths = ['', '/kubeconfig', '/projects'];
    for (const path of paths) {
      const [there, nowhere] = await Promise.all(
        [foreign.id, absent].map((id) => strangerRest.call('GET', `/api/v1/workspaces/${id}${path}`)),
      );
      expect([there!.status, there!.error]).toEqual([404, nowhere!.error]);
      expect(Object.keys(Object.fromEntries(there!.headers))).toEqual(
        Object.keys(Object.fromEntries(nowhere!.headers)),
      );
    }
    const minted = await strangerRest.call('POST', `/api/v1/workspaces/${foreign.id}/kube-token`);
    expect([minted.status, minted.error?.code]).toEqual([404, 'not_found']);
  });

  it('cannot use the token of their own workspace at the gateway of another', async () => {
    const there = await viaGateway(foreign, '/api/v1/namespaces', own.token);
    const nowhere = await viaGateway(
      { ...foreign, server: foreign.server.replace(foreign.id, absent) },
      '/api/v1/namespaces',
      own.token,
    );
    expect(there.status).toBe(nowhere.status);
    expect(there.text.replaceAll(foreign.id, absent)).toBe(nowhere.text);
    expect([401, 404]).toContain(there.status);
  });

  it('gets nothing at the gateway with the access token of the API', async () => {
    expect((await viaGateway(own, '/api/v1/namespaces', strangerRest.token)).status).toBe(401);
  });

  it('hears nothing of it in the event stream, but hears of their own', async () => {
    const stop = new AbortController();
    const stream = await fetch(`${product.httpUrl}/api/v1/events/stream`, {
      headers: { authorization: `Bearer ${strangerRest.token}` },
      signal: stop.signal,
    });
    let heard = '';
    const listening = (async () => {
      for await (const chunk of stream.body ?? []) heard += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    succeed(
      await product.hks(['workspace', 'update', foreign.slug, '--description', `${canary} has changed`]),
    );
    succeed(await stranger.hks(['workspace', 'update', own.slug, '--description', 'heard by its owner']));
    await expect.poll(() => heard, { timeout: 20_000 }).toContain('heard by its owner');
    stop.abort();
    await listening;
    expect(heard).not.toContain(canary);
    expect(heard).not.toContain(foreign.id);
  });
});

describe('somebody who leaves', () => {
  it('gets a sentence from the credential plugin, and the token they still have stops working', async () => {
    const leaver = await addPerson(product, 'leaver');
    const organization = 'my-organization';
    succeed(
      await product.hks([
        'member',
        'add',
        leaver.email,
        '--role',
        'developer',
        '--organization',
        organization,
      ]),
    );
    const credential = JSON.parse(
      succeed(await leaver.hks(['kube-credential', '--workspace', foreign.id])),
    ) as { status: { token: string } };
    expect((await viaGateway(foreign, '/api/v1/namespaces', credential.status.token)).status).toBe(200);

    const members = JSON.parse(
      succeed(await product.hks(['member', 'list', '--organization', organization, '-o', 'json'])),
    ) as { userId: string; email: string }[];
    const userId = members.find(({ email }) => email === leaver.email)?.userId ?? '';
    succeed(await product.hks(['member', 'remove', userId, '--yes', '--organization', organization]));

    await expect
      .poll(async () => (await viaGateway(foreign, '/api/v1/namespaces', credential.status.token)).status, {
        timeout: 10_000,
      })
      .not.toBe(200);
    // The first call may still print what is cached; kubectl gets a 401 with it and calls again.
    await leaver.hks(['kube-credential', '--workspace', foreign.id]);
    expect(refused(await leaver.hks(['kube-credential', '--workspace', foreign.id]))).toMatch(
      /no longer have access|Sign in/,
    );
    expect(readFileSync(`${product.dataDir}/server.log`, 'utf8')).not.toContain(credential.status.token);
  });
});
