import * as fc from 'fast-check';
import { routeCallers, routeMatrix, type RouteRow } from '@hexabase/authz/route-matrix.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, Sent } from '../attacks/exchange.ts';
import { routeRequests } from '../api/routes/route-requests.ts';
import { openWorld, type World } from '../api/routes/world.ts';
import { rotatingSeed, runsAll } from '../faults/rotating-seed.ts';
import { nasty } from './arbitrary.ts';

/**
 * What signs people in, and all else that no operation made, is sent what fits with one fault in it: another seed every
 * day; a failure prints what repeats it (`HKS_TEST_SEED`, `HKS_TEST_ALL=1` for a long run).
 */
const seed = rotatingSeed(2 ** 31);
const numRuns = runsAll ? 300 : 6;
const time = { timeout: runsAll ? 7_200_000 : 600_000 };

let world: World;
/** A stream answers for ever. */
const rows = routeMatrix.filter(({ route }) => !route.endsWith('/stream'));

beforeAll(async () => {
  world = await openWorld();
}, 60_000);
afterAll(() => world?.[Symbol.asyncDispose]());

const text = fc.oneof(fc.constantFrom(...nasty), fc.string({ maxLength: 60 }), fc.base64String());
const value = fc.oneof(text, fc.jsonValue({ maxDepth: 1 }));

interface Fault {
  part: 'body' | 'query' | 'address' | 'type' | 'token' | 'cookie';
  at: number;
  value: unknown;
  how: 'add' | 'drop' | 'replace' | 'all';
}

const faults: fc.Arbitrary<Fault> = fc.record({
  part: fc.constantFrom('body', 'body', 'body', 'query', 'query', 'address', 'type', 'token', 'cookie'),
  at: fc.nat(),
  value,
  how: fc.constantFrom('add', 'drop', 'replace', 'all'),
});

const asText = (given: unknown): string =>
  (typeof given === 'string' ? given : JSON.stringify(given)).toWellFormed().slice(0, 2_000);
/** As a header may hold it. */
const asHeader = (given: unknown): string => asText(given).replace(/[^\x20-\x7e]/g, '?');

function withFault(sent: Sent, { route }: RouteRow, fault: Fault): Sent {
  // What a GET has for a body is another request, to a server that reads HTTP.
  switch (fault.part === 'body' && sent.method === undefined ? 'query' : fault.part) {
    case 'body':
      return { ...sent, body: faultyBody(sent.body, fault) };
    case 'query': {
      const [path = '', query = ''] = sent.path.split('?');
      return { ...sent, path: `${path}?${faultyFields(query, fault)}` };
    }
    case 'address':
      return { ...sent, path: faultyAddress(sent.path, route, fault) };
    case 'type':
      return { ...sent, headers: changed(sent.headers, 'Content-Type', asHeader(fault.value)) };
    case 'token':
      return { ...sent, token: asHeader(fault.value) };
    case 'cookie':
      return { ...sent, headers: changed(sent.headers, 'Cookie', asHeader(fault.value)) };
  }
}

function faultyBody(body: unknown, fault: Fault): unknown {
  if (typeof body === 'string') return faultyFields(body, fault);
  if (fault.how === 'all') return fault.value;
  const fields = typeof body === 'object' && body !== null ? body : {};
  const made = faultyFields(new URLSearchParams(Object.entries(fields)).toString(), fault);
  const values = Object.fromEntries(new URLSearchParams(made));
  return fault.how === 'replace' ? { ...values, [nameAt(Object.keys(values), fault)]: fault.value } : values;
}

function faultyFields(query: string, fault: Fault): string {
  if (fault.how === 'all') return asText(fault.value).replace(/[^\x21-\x7e]/g, encodeURIComponent);
  const fields = new URLSearchParams(query);
  const name = nameAt([...fields.keys()], fault);
  if (fault.how === 'drop') fields.delete(name);
  else if (fault.how === 'add') fields.append(name, asText(fault.value));
  else fields.set(name, asText(fault.value));
  return fields.toString();
}

const nameAt = (names: readonly string[], { at }: Fault): string => names[at % names.length] ?? 'unknown';

/** What stands for a name in the address; the rest of it says which route is meant. */
function faultyAddress(path: string, route: string, { value: given }: Fault): string {
  const parts = (route.split(' ')[1] ?? '').split('/');
  const [address = '', query] = path.split('?');
  const made = address
    .split('/')
    .map((part, index) => (parts[index]?.startsWith(':') ? encodeURIComponent(asText(given)) : part))
    .join('/');
  return query === undefined ? made : `${made}?${query}`;
}

function changed(headers: readonly string[] = [], name: string, to: string): string[] {
  const pairs = headers.flatMap((one, index) => (index % 2 === 0 ? [[one, headers[index + 1] ?? '']] : []));
  return [...pairs.filter(([one]) => one !== name), [name, to]].flat();
}

/** Null for an answer that is no refusal, or one as it should be. */
function breachOf({ refusal }: RouteRow, answer: Answer): string | null {
  if (answer.status >= 500) return 'a fault of ours';
  if (answer.status < 400) return null;
  const { error, meta } = answer.json;
  const isEnvelope = typeof error?.code === 'string' && typeof error.message === 'string';
  if (isEnvelope) return meta?.requestId === answer.headers['x-request-id'] ? null : 'another request’s id';
  const isPage = String(answer.headers['content-type']).startsWith('text/html');
  // RFC 6749 §5.2; the provider tells browsers the same on a page.
  if (refusal === 'oauth') return isPage || typeof error === 'string' ? null : 'not in OAuth’s words';
  return refusal === 'page' && isPage ? null : `not as a ${refusal}`;
}

const shown = (sent: Sent, answer: Answer): string =>
  `${JSON.stringify(sent).slice(0, 2_000)}\n${answer.status} ${answer.text.slice(0, 500)}`;

describe(`requests with a fault (seed ${seed})`, () => {
  test.each(rows)('$route is never at fault itself, and refuses in its own way', time, async (row) => {
    const fitting = await routeRequests[row.route]?.(world, 'own');
    if (!fitting) throw new Error(`say how ${row.route} is asked`);
    const property = fc.asyncProperty(faults, async (fault) => {
      const sent = withFault(fitting, row, fault);
      const answer = await world.product.send(sent);
      expect(breachOf(row, answer), shown(sent, answer)).toBeNull();
    });
    await fc.assert(property, { seed, numRuns, endOnFailure: true });
  });

  const closed = rows.filter(({ statuses }) => statuses[0] >= 400 && statuses[0] !== statuses[1]);
  test.each(closed)('$route lets nobody in for a fault', time, async (row) => {
    const anonymous = await routeRequests[row.route]?.(world, 'anonymous');
    if (!anonymous) throw new Error(`say how ${row.route} is asked`);
    const before = await world.product.fingerprint();
    const tokens = routeCallers
      .filter((caller) => ['anonymous', 'expired', 'ended'].includes(caller))
      .map((caller) => world.bearers[caller]);
    const property = fc.asyncProperty(faults, fc.nat(), async (fault, at) => {
      const token = tokens[at % tokens.length];
      // Who signs out with a token that has ended has done so already.
      fc.pre(row.route !== 'POST /auth/logout' || token === undefined);
      const sent = withFault({ ...anonymous, token }, row, fault);
      const answer = await world.product.send(sent);
      expect(answer.status, shown(sent, answer)).toBeGreaterThanOrEqual(400);
      expect(breachOf(row, answer), shown(sent, answer)).toBeNull();
    });
    await fc.assert(property, { seed, numRuns, endOnFailure: true });
    expect(await world.product.fingerprint()).toBe(before);
  });
});
