import { once } from 'node:events';
import { connect } from 'node:tls';
import { deployment } from './deployment.ts';
import { measure, percentile, type Load } from './figures.ts';
import { openConnection, type Answer, type Connection, type Target } from './keep-alive-connection.ts';

/** What the load generator is told, as its first argument in JSON. */
export interface LoadPlan extends Target {
  connections: number;
  /** Milliseconds a step. */
  ms: number;
}

export interface LoadFigures {
  create: Load;
  get: Load;
  list500: Load;
  listAll: { objects: number; ms: number; mib: number };
  /** A GET and a PUT of the whole object with one label changed; conflicts with controllers count as errors. */
  getAndPut: Load;
  watch: {
    events: number;
    fromRequestP50Ms: number;
    fromRequestP99Ms: number;
    afterAnswerP50Ms: number;
    afterAnswerP99Ms: number;
  };
  /** Creates while the one watcher follows. */
  createWhileWatched: Load;
}

const path = '/apis/apps/v1/namespaces/default/deployments';

if (process.argv[2] !== undefined) {
  const plan: LoadPlan = JSON.parse(process.argv[2]);
  console.log(JSON.stringify(await run(plan)));
}

async function run(plan: LoadPlan): Promise<LoadFigures> {
  const idle: Connection[] = await Promise.all(
    Array.from({ length: plan.connections }, () => openConnection(plan)),
  );
  const send: Send = async (method, url, body) => {
    const connection = idle.pop();
    if (connection === undefined) throw new Error('More calls at once than connections.');
    const answer = await connection.request(method, url, body);
    idle.push(connection);
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.body.toString()}`);
    return answer;
  };
  const create = (name: string) => send('POST', path, JSON.stringify(deployment(name)));
  const loops = plan.connections;
  const first = await send('GET', `${path}?limit=1`);
  if (first.status !== 200) throw new Error(first.body.toString());
  await create('probe');
  await measure({ loops, ms: plan.ms / 3 }, (n) => create(`warm-${n}`));
  const created = await measure({ loops, ms: plan.ms }, (n) => create(`d-${n}`));
  const get = await measure({ loops, ms: plan.ms }, (n) => send('GET', `${path}/d-${n % created.count}`));
  const getAndPut = await measure({ loops, ms: plan.ms / 2 }, (n) =>
    relabel(send, { url: `${path}/d-${n % created.count}`, round: String(n) }),
  );
  const list500 = await measure({ loops: 4, ms: plan.ms / 2 }, () => send('GET', `${path}?limit=500`));
  const start = performance.now();
  const all = await send('GET', path);
  const listAll = {
    objects: created.count,
    ms: performance.now() - start,
    mib: all.body.length / 1024 / 1024,
  };
  const watched = await measureWatch(plan, create);
  for (const connection of idle) connection[Symbol.dispose]();
  return { create: created, get, getAndPut, list500, listAll, ...watched };
}

type Send = (method: string, url: string, body?: string) => Promise<Answer>;

async function relabel(send: Send, { url, round }: { url: string; round: string }): Promise<void> {
  const object: { metadata: { labels: Record<string, string> } } = JSON.parse(
    (await send('GET', url)).body.toString(),
  );
  object.metadata.labels['round'] = round;
  await send('PUT', url, JSON.stringify(object));
}

async function measureWatch(
  plan: LoadPlan,
  create: (name: string) => Promise<Answer>,
): Promise<Pick<LoadFigures, 'watch' | 'createWhileWatched'>> {
  const seen = new Map<string, number>();
  const stop = await follow(plan, (name) => seen.set(name, performance.now()));
  const sent = new Map<string, number>();
  const answered = new Map<string, number>();
  const createWhileWatched = await measure({ loops: plan.connections, ms: plan.ms }, async (n) => {
    const name = `w-${n}`;
    sent.set(name, performance.now());
    await create(name);
    answered.set(name, performance.now());
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  stop();
  const fromRequest = [...seen]
    .filter(([name]) => sent.has(name))
    .map(([name, at]) => at - (sent.get(name) ?? at));
  const afterAnswer = [...seen]
    .filter(([name]) => answered.has(name))
    .map(([name, at]) => at - (answered.get(name) ?? at));
  return {
    createWhileWatched,
    watch: {
      events: fromRequest.length,
      fromRequestP50Ms: percentile(fromRequest, 0.5),
      fromRequestP99Ms: percentile(fromRequest, 0.99),
      afterAnswerP50Ms: percentile(afterAnswer, 0.5),
      afterAnswerP99Ms: percentile(afterAnswer, 0.99),
    },
  };
}

/** Follows the creations from now on; the names are found without parsing the objects. */
async function follow({ port, ca, token }: Target, onName: (name: string) => void): Promise<() => void> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca,
    servername: 'localhost',
    ALPNProtocols: ['http/1.1'],
  });
  await once(socket, 'secureConnect');
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const name = /^\{"type":"ADDED".*?"metadata":\{"name":"(w-\d+)"/.exec(line)?.[1];
      if (name !== undefined) onName(name);
    }
  });
  socket.on('error', () => undefined);
  socket.write(
    `GET ${path}?watch=true HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\naccept: application/json\r\n\r\n`,
  );
  await once(socket, 'data');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return () => socket.destroy();
}
