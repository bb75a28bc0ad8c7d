import * as fc from 'fast-check';
import { newId } from '@hexabase/kernel/id.ts';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProduct, type Attacked, type Person, type Tenant } from '../attacks/start-product.ts';
import type { Answer } from '../attacks/exchange.ts';
import { thingsOf } from '../attacks/things.ts';
import { rotatingSeed, runsAll } from '../faults/rotating-seed.ts';
import { faulty, fitting, nasty } from './arbitrary.ts';
import { readDocument, type Described, type Documented } from './document.ts';

/**
 * Requests made from the server's own description, sent to the started product: what it describes must be what it does.
 * Another seed every day; a failure prints what repeats it (`HKS_TEST_SEED`, `HKS_TEST_ALL=1` for a long run).
 */
const seed = rotatingSeed(2 ** 31);
const numRuns = runsAll ? 300 : 4;
const time = { timeout: runsAll ? 7_200_000 : 600_000 };

let product: Attacked;
let ann: Tenant;
let stranger: Person;
let things: Record<string, string>;
let document: Documented;

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  stranger = await product.person('stranger');
  things = await thingsOf(product, ann);
  document = readDocument((await product.send({ path: '/openapi.json' })).text);
});
afterAll(() => product?.[Symbol.asyncDispose]());

interface Drawn {
  path: string;
  body: unknown;
}

/** Streams do not end, and whoever signs out of a session cannot go on in it. */
const isAskable = ({ path }: Described): boolean =>
  !path.endsWith('/stream') && path !== '/auth/logout' && path !== '/metrics';

/** Ids of what there is, except where that would be removed, and of what there is not. */
function ids({ method, path }: Described, name: string): fc.Arbitrary<string> {
  const noun = /\/api\/v1\/([a-z-]+?)s?\/\{id\}/.exec(path)?.[1] ?? '';
  const real = things[name === 'id' ? noun : name];
  const absent = fc.oneof(
    fc.constant(newId()),
    fc.constantFrom(...nasty.filter((text) => text.length < 100)),
  );
  return real === undefined || method === 'DELETE' || /leave|transfer|second-factor/.test(path)
    ? absent
    : fc.oneof({ weight: 4, arbitrary: fc.constant(real) }, { weight: 1, arbitrary: absent });
}

function requests(operation: Described, bodies: typeof fitting): fc.Arbitrary<Drawn> {
  const { parameters, body } = operation;
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  return fc
    .record({
      path: fc.tuple(...inPath.map(({ name }) => ids(operation, name))),
      query: fc.tuple(...inQuery.map(({ schema }) => fc.option(bodies(schema)))),
      body: body ? bodies(body) : fc.constant(undefined),
    })
    .map((drawn) => {
      const path = inPath.reduce(
        (address, { name }, index) =>
          address.replace(`{${name}}`, () => encodeURIComponent(wellFormed(drawn.path[index] ?? ''))),
        operation.path,
      );
      const query = inQuery.flatMap(({ name }, index) => {
        const value = drawn.query[index] ?? null;
        return value === null ? [] : [`${name}=${encodeURIComponent(wellFormed(textOf(value)))}`];
      });
      return { path: query.length > 0 ? `${path}?${query.join('&')}` : path, body: drawn.body };
    });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const wellFormed = (text: string): string => text.toWellFormed().slice(0, 500);

async function each(
  operations: readonly Described[],
  bodies: typeof fitting,
  look: (operation: Described, drawn: Drawn) => Promise<void>,
): Promise<void> {
  for (const operation of operations) {
    const property = fc.asyncProperty(requests(operation, bodies), (drawn) => look(operation, drawn));
    await fc.assert(property, { seed, numRuns, endOnFailure: true });
  }
}

function expectAsDescribed(operation: Described, drawn: Drawn, answer: Answer): void {
  const shown = `${operation.method} ${drawn.path} ${JSON.stringify(drawn.body)?.slice(0, 2_000)}\n${answer.status} ${answer.text.slice(0, 1_000)}`;
  expect(answer.status, shown).toBeLessThan(500);
  expect(operation.breach(answer), shown).toBeNull();
  if (!drawn.path.startsWith('/auth/') && answer.status >= 400)
    expect(answer.json['meta']?.requestId, shown).toBe(answer.headers['x-request-id']);
}

/** What there is once nothing is at work any more: reconcilers go on after an answer. */
async function settled(): Promise<string> {
  const going = () => product.query(`select 1 from operations where state = 'running'`);
  await until(async () => (await going()).length === 0);
  return product.fingerprint();
}

describe(`requests made from /openapi.json (seed ${seed})`, () => {
  const askable = () => document.operations.filter(isAskable);
  const call = (person: Person, { method }: Described, { path, body }: Drawn) =>
    person.call(method, path, body);

  test(
    'are answered as it describes, and never by a fault of ours: what fits, by an owner',
    time,
    async () => {
      expect(askable().length).toBeGreaterThan(60);
      const done = new Set<string>();
      await each(askable(), fitting, async (operation, drawn) => {
        const answer = await call(ann, operation, drawn);
        expectAsDescribed(operation, drawn, answer);
        if (answer.status < 300) done.add(operation.id);
      });
      expect(done.size).toBeGreaterThan(25);
    },
  );

  test('are refused as it describes when they do not fit, and nothing of them is done', time, async () => {
    const withBody = askable().filter(({ body }) => body !== null);
    expect(withBody.length).toBeGreaterThan(20);
    const before = await settled();
    await each(withBody, faulty, async (operation, drawn) => {
      fc.pre(!operation.fits(drawn.body));
      const answer = await call(ann, operation, drawn);
      expectAsDescribed(operation, drawn, answer);
      expect(answer.status, `${operation.id} ${JSON.stringify(drawn.body)}`).toBeGreaterThanOrEqual(400);
    });
    expect(await product.fingerprint()).toBe(before);
    // What is wrong in queries and addresses, and faults that fit by chance, may be taken.
    await each(askable(), faulty, async (operation, drawn) => {
      if (operation.fits(drawn.body)) expectAsDescribed(operation, drawn, await call(ann, operation, drawn));
    });
  });

  test('of a stranger reach nothing of an owner', time, async () => {
    const before = await settled();
    const targeted = askable().filter(({ path }) => path.includes('{id}'));
    expect(targeted.length).toBeGreaterThan(40);
    await each(targeted, fitting, async (operation, drawn) => {
      const answer = await call(stranger, operation, drawn);
      expectAsDescribed(operation, drawn, answer);
      expect([400, 403, 404, 405], `${operation.id} ${answer.text}`).toContain(answer.status);
      expect(answer.text).not.toContain('ann workspace');
    });
    expect(await product.fingerprint()).toBe(before);
  });

  test(
    'without a token, or with none of ours, are refused wherever it does not say that anybody may ask',
    time,
    async () => {
      const closed = askable().filter(({ isOpen }) => !isOpen);
      const tokens = [undefined, 'x', `${ann.access}x`, ann.kubeToken];
      let turn = 0;
      await each(closed, fitting, async (operation, { path, body }) => {
        const token = tokens[(turn += 1) % tokens.length];
        const answer = await product.send({ method: operation.method, path, body, token });
        const shown = `${operation.id} ${path} ${answer.status}`;
        // An address that is none is refused before anybody is asked who they are.
        expect([401, ...(/%|\/\/|\/$|\.\./.test(path) ? [404] : [])], shown).toContain(answer.status);
      });
    },
  );

  test('with methods that it does not name are told which it takes', time, async () => {
    for (const [path, methods] of document.paths) {
      const address = path.replace(/\{\w+\}/g, newId());
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'].filter(
        (name) => !methods.includes(name),
      )) {
        const answer = await ann.call(method, address);
        expect([method, path, [404, 405].includes(answer.status)]).toEqual([method, path, true]);
        if (answer.status === 405)
          expect(answer.headers.allow?.split(', ')).toEqual(expect.arrayContaining([...methods]));
      }
    }
  });
});
