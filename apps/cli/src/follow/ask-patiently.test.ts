import { ClientError } from '@hexabase/client/client-error.ts';
import { expect, test } from 'vitest';
import { CliError } from '../cli-error.ts';
import { askPatiently } from './ask-patiently.ts';

const answered = (status: number) => new ClientError(status, { code: 'x', message: `Answered ${status}.` });

/** Asks a server that fails so in turn, then answers. */
async function ask(failures: Error[], { patience = 60_000, signal = new AbortController().signal } = {}) {
  const left = [...failures];
  let asked = 0;
  const look = async () => {
    asked += 1;
    const failure = left.shift();
    if (failure) throw failure;
    return 'answer';
  };
  const noted: string[] = [];
  const cli = { signal, note: (text: string) => void noted.push(text) };
  const got = await askPatiently(look, cli, { patience }).catch((error: unknown) => error);
  return { got, asked, noted: noted.length };
}

test('who is away for a moment is asked again, and that is said once', async () => {
  expect(await ask([answered(0), answered(503)])).toEqual({ got: 'answer', asked: 3, noted: 1 });
  expect(await ask([new CliError('Cannot reach the server of the session', 2)])).toMatchObject({
    got: 'answer',
  });
});

test('who stays away is given up, with what was said last', async () => {
  const { got, asked } = await ask(Array(9).fill(answered(502)), { patience: 300 });
  expect(got).toMatchObject({ status: 502 });
  expect(asked).toBeGreaterThan(1);
});

test('a refusal is one at once', async () => {
  for (const refusal of [answered(404), answered(401), new CliError('Your session has ended')])
    expect(await ask([refusal])).toEqual({ got: refusal, asked: 1, noted: 0 });
});

test('who interrupts it waits no longer', async () => {
  const controller = new AbortController();
  const waiting = ask([answered(0), answered(0), answered(0)], { signal: controller.signal });
  controller.abort();
  expect((await waiting).asked).toBe(1);
});
