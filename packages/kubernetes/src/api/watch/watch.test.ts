import { afterAll, beforeAll, expect, it } from 'vitest';
import { configMap, startTestCluster, type TestCluster } from '../../runtime/cluster-for-tests.ts';

interface WatchEvent {
  type: string;
  object: {
    kind: string;
    code?: number;
    metadata: { name?: string; resourceVersion: string; annotations?: Record<string, string> };
    rows?: { cells: unknown[] }[];
  };
}

const maps = '/api/v1/namespaces/default/configmaps';
let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** Reads a watch until it has `count` events or ends. */
async function* events(query: string, init?: RequestInit): AsyncGenerator<WatchEvent> {
  const abort = new AbortController();
  const response = await cluster.fetch(`${maps}?watch=true&${query}`, { ...init, signal: abort.signal });
  try {
    let rest = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as WatchEvent;
    }
  } finally {
    abort.abort();
  }
}

async function take(source: AsyncGenerator<WatchEvent>, count: number): Promise<WatchEvent[]> {
  const taken: WatchEvent[] = [];
  for await (const event of source) {
    taken.push(event);
    if (taken.length >= count) break;
  }
  return taken;
}

const revision = async (): Promise<string> =>
  (await cluster.ask('GET', maps)).metadata['resourceVersion'] ?? '';
const short = (all: WatchEvent[]): string[] =>
  all.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());

it('a watch from a revision misses nothing and repeats nothing', async () => {
  const from = await revision();
  await cluster.ask('POST', maps, { body: configMap('w1') });
  const source = events(`resourceVersion=${from}`);
  const first = await take(source, 1);
  expect(short(first)).toEqual(['ADDED w1']);
  const later = take(events(`resourceVersion=${first[0]?.object.metadata.resourceVersion}`), 2);
  await cluster.ask('PUT', `${maps}/w1`, { body: configMap('w1', { a: '1' }) });
  await cluster.ask('DELETE', `${maps}/w1`);
  expect(short(await later)).toEqual(['MODIFIED w1', 'DELETED w1']);
});

it('an object that leaves the selector is DELETED with the revision of the change', async () => {
  await cluster.ask('POST', maps, { body: configMap('leaves', {}, { labels: { in: 'yes' } }) });
  const source = events(`labelSelector=in%3Dyes&resourceVersion=${await revision()}`);
  const taken = take(source, 2);
  const out = await cluster.ask('PUT', `${maps}/leaves`, {
    body: configMap('leaves', {}, { labels: { in: 'no' } }),
  });
  await cluster.ask('PUT', `${maps}/leaves`, { body: configMap('leaves', {}, { labels: { in: 'yes' } }) });
  const [left, entered] = await taken;
  expect(left).toMatchObject({
    type: 'DELETED',
    object: { metadata: { resourceVersion: out.metadata['resourceVersion'], labels: { in: 'yes' } } },
  });
  expect(entered?.type).toBe('ADDED');
});

it('a watch-list gives what is there and then the bookmark that ends it', async () => {
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  await cluster.ask('POST', maps, { body: configMap('initial') });
  const count = Object.values((await cluster.ask('GET', maps))['items'] ?? {}).length;
  const taken = await take(events(query), count + 1);
  expect(taken.slice(0, count).every(({ type }) => type === 'ADDED')).toBe(true);
  expect(taken[count]).toMatchObject({
    type: 'BOOKMARK',
    object: { kind: 'ConfigMap', metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
  });
  const refused = await cluster.fetch(`${maps}?watch=true&sendInitialEvents=true`);
  expect(refused.status).toBe(422);
});

it('a watch of tables carries rows', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
  const taken = take(events(`resourceVersion=${await revision()}`, { headers: { accept } }), 1);
  await cluster.ask('POST', maps, { body: configMap('row', { a: '1' }) });
  expect((await taken)[0]).toMatchObject({
    type: 'ADDED',
    object: { kind: 'Table', rows: [{ cells: ['row', 1, '0s'] }] },
  });
});

it('ends after timeoutSeconds with a last bookmark', async () => {
  const all: WatchEvent[] = [];
  for await (const event of events(
    `resourceVersion=${await revision()}&timeoutSeconds=1&allowWatchBookmarks=true`,
  ))
    all.push(event);
  expect(all.map(({ type }) => type)).toEqual(['BOOKMARK']);
});

it('watching one object by field selector shows only that one', async () => {
  const taken = take(events(`fieldSelector=metadata.name%3Dthis&resourceVersion=${await revision()}`), 1);
  await cluster.ask('POST', maps, { body: configMap('other') });
  await cluster.ask('POST', maps, { body: configMap('this') });
  expect(short(await taken)).toEqual(['ADDED this']);
});

it('removing the cluster ends its watches', async () => {
  const own = await startTestCluster();
  const response = await own.fetch(`${maps}?watch=true`);
  expect(own.kubernetes.stats().watches).toBe(1);
  await own.kubernetes.removeCluster('test');
  await response.text();
  expect((await own.fetch(maps)).status).toBe(404);
  await own[Symbol.asyncDispose]();
});
