import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostCluster } from '@hexabase/testkit/host-cluster.ts';
import { startOnHost } from '../../../tests/acceptance/host-product.ts';
import { succeed } from '../../../tests/acceptance/product.ts';
import { checkout, run } from '../../../tests/acceptance/programs.ts';
import { signIn } from '../../../tests/acceptance/rest.ts';
import { restClient, type Rest } from '../../../tests/load/product/rest.ts';
import { openGateway, type Gateway } from '../../../tests/load/product/workspaces.ts';

/** The whole product on the host, its owner signed in. Disposing removes every tenant that it made. */
export interface ProductOnHost extends AsyncDisposable {
  gateway: Gateway;
  rest: Rest;
  /** Asks for a workspace of plan `starter`. Answers its id. */
  request(name: string): Promise<string>;
  /** The same, and waits until it is active. */
  create(name: string): Promise<string>;
  /** Waits until the workspace is in this phase. */
  inPhase(id: string, phase: string): Promise<void>;
  /** A token with which kubectl asks the workspace. */
  kubeToken(id: string): Promise<string>;
  remove(id: string): Promise<void>;
}

const pollMs = 20;
const patienceMs = 180_000;

export async function productOnHost(host: HostCluster, warmPool: number): Promise<ProductOnHost> {
  await using opening = new AsyncDisposableStack();
  const product = opening.use(await startOnHost(host, { HKS_WARM_POOL: String(warmPool) }));
  succeed(await product.hks(['organization', 'update', 'my-organization', '--plan', 'enterprise']));
  const { token } = await signIn(product.httpUrl, 'owner@hexabase.local', product.password);
  const rest = opening.use(restClient({ url: product.httpUrl, token, connections: 4 }));
  const ca = succeed(await run(join(checkout, 'hexabase-cli'), ['authority'], { env: product.env }));
  const gateway = opening.use(openGateway({ httpsUrl: product.httpsUrl, ca }));
  const phaseOf = async (id: string): Promise<string> =>
    (await rest.call<{ phase: string }>('GET', `/api/v1/workspaces/${id}`)).phase;
  const inPhase: ProductOnHost['inPhase'] = (id, phase) =>
    until(`${id} is ${phase}`, async () => (await phaseOf(id)) === phase);
  const made = new Set<string>();
  const request: ProductOnHost['request'] = async (name) => {
    const { id } = await rest.call<{ id: string }>('POST', '/api/v1/workspaces', { name, plan: 'starter' });
    made.add(id);
    return id;
  };
  const remove: ProductOnHost['remove'] = async (id) => {
    made.delete(id);
    await rest.send('DELETE', `/api/v1/workspaces/${id}`);
    await until(
      `${id} is gone`,
      async () => (await rest.send('GET', `/api/v1/workspaces/${id}`)).status === 404,
    );
  };
  opening.defer(async () => {
    // A cordoned host keeps nothing in advance.
    const cli = join(checkout, 'hexabase-cli');
    await run(cli, ['host', 'cordon', 'default'], { env: product.env });
    for (const id of made) await remove(id);
    await until('the pool is empty', async () => {
      const { code } = await run(cli, ['host', 'remove', 'default'], { env: product.env });
      return code === 0;
    });
  });
  const opened = opening.move();
  return {
    gateway,
    rest,
    inPhase,
    remove,
    request,
    async create(name) {
      const id = await request(name);
      await inPhase(id, 'active');
      return id;
    },
    kubeToken: async (id) =>
      (await rest.call<{ token: string }>('POST', `/api/v1/workspaces/${id}/kube-token`)).token,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Looks every 20 ms; throws after three minutes. */
export async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await look().catch(() => false))) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await sleep(pollMs);
  }
}
