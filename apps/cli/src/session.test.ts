import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { updateCliConfig, type CliContext } from '@hexabase/client/config-file.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliError } from './cli-error.ts';
import { accessToken, currentContext, type SessionPlace } from './session.ts';

let dir: string;
let place: SessionPlace;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'session-'));
  place = { configFile: join(dir, 'config.yaml'), context: null, token: null, server: null };
});
afterEach(() => rmSync(dir, { recursive: true }));

async function remember(context: CliContext): Promise<void> {
  await updateCliConfig(place.configFile, (config) => {
    config.currentContext = 'there';
    config.contexts['there'] = context;
  });
}

/** A server that refuses whatever it is asked. */
async function refusing(status: number, body: unknown) {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const asked = () => accessToken(place, AbortSignal.timeout(10_000));

describe('what is said of a session', () => {
  it.each(['session_ended', 'refresh_reused', 'unauthenticated'] as const)(
    'who has to sign in again is told so once, with the command: %s',
    async (code) => {
      const { message } = new AppError(code);
      await using server = await refusing(401, { error: { code, message } });
      await remember({ server: server.url, accessToken: 'a', refreshToken: 'r' });
      const said = await asked().catch((error: Error) => error.message);
      const why = message.replace(' Sign in again.', '');
      expect(said).toBe(
        `${why} Sign in again: \`hks login ${server.url}\`, or start \`hks up\` on this machine.`,
      );
      expect(String(said).match(/sign in again/gi)).toHaveLength(1);
    },
  );

  it.each(['constructor', '__proto__', 'toString'])(
    'who has chosen a context that every object has is not signed in: %s',
    async (context) => {
      place = { ...place, context };
      const refused = await asked().catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(CliError);
      expect(refused).toMatchObject({ message: expect.stringContaining(`not signed in as "${context}"`) });
    },
  );

  it('who cannot reach the server is told that, and not to sign in again', async () => {
    const server = await refusing(401, {});
    await new Promise((closed) => server.close(closed));
    await remember({ server: server.url, accessToken: 'a', refreshToken: 'r' });
    const refused = await asked().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(`Cannot reach ${server.url}`),
    });
    expect(String(refused)).not.toMatch(/sign in/i);
  });

  it('who is to come again later is told that, and not to sign in again', async () => {
    const { message } = new AppError('rate_limited');
    await using server = await refusing(429, {
      error: { code: 'rate_limited', message, details: { retryAfterSeconds: 7 } },
    });
    await remember({ server: server.url, accessToken: 'a', refreshToken: 'r' });
    await expect(asked()).rejects.toThrow(`${message}\n  Try again in 7 s.`);
    await expect(asked()).rejects.not.toThrow(/sign in/i);
  });

  it('who has nothing to refresh with is told to sign in, and nobody is asked', async () => {
    await remember({ server: 'http://127.0.0.1:1', accessToken: 'a' });
    await expect(asked()).rejects.toThrow(/^Your session has ended\. Sign in again with `hks login`\.$/);
  });

  it('who was never signed in is told how, also where only a token is known', () => {
    expect(() => currentContext(place)).toThrow(
      /^You are not signed in\. Run `hks up` on this machine, or `hks login SERVER`\.$/,
    );
    expect(() => currentContext({ ...place, token: 'hks_x' })).toThrow(/Set HKS_SERVER/);
    expect(currentContext({ ...place, token: 'hks_x', server: 'http://a.example' })).toEqual({
      server: 'http://a.example',
    });
  });

  it.each(['notaurl', 'localhost:8080', ' '])(
    'what is no address of a server is told with where it stands: %j',
    async (server) => {
      const refused = (from: string) =>
        `${from} is "${server}", which is not the address of a server. Write it out, for example http://localhost:8080.`;
      const byToken = () => currentContext({ ...place, token: 'hks_x', server });
      expect(byToken).toThrow(new CliError(refused('HKS_SERVER')));
      await remember({ server });
      const context = `The server of the context there in ${place.configFile}`;
      expect(() => currentContext(place)).toThrow(new CliError(refused(context)));
    },
  );
});
