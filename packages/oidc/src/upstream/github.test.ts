import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openExchanges } from './exchange.ts';
import { readProvider } from './provider-input.ts';

const expected = {
  state: 's'.repeat(43),
  nonce: 'n'.repeat(43),
  codeVerifier: 'v'.repeat(43),
  redirectUri: 'http://localhost:8080/auth/idp/github/callback',
};
const exchanges = openExchanges({ now: () => Date.now() });

/** A stand-in for a GitHub Enterprise server: its four addresses and the shape of their answers, as GitHub documents them. */
let server: Server;
let client: Parameters<typeof exchanges.finish>[0];
let emails: object[] = [];
let asked: URLSearchParams;

beforeAll(async () => {
  server = createServer((request, response) => {
    void (async () => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const answers: Record<string, () => unknown> = {
        '/login/oauth/access_token': () => {
          asked = new URLSearchParams(body);
          return asked.get('code') === 'good'
            ? { access_token: 'gho_x', token_type: 'bearer', scope: 'user:email' }
            : { error: 'bad_verification_code' };
        },
        '/api/v3/user': () => ({ id: 583_231, login: 'octocat', name: null, email: 'shown@example.test' }),
        '/api/v3/user/emails': () => emails,
      };
      const answer = answers[request.url ?? '']?.();
      const allowed = request.url?.startsWith('/login') || request.headers.authorization === 'Bearer gho_x';
      response.writeHead(answer === undefined ? 404 : allowed ? 200 : 401, {
        'content-type': 'application/json',
      });
      response.end(JSON.stringify(answer ?? {}));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const given = { name: 'github', kind: 'github', clientId: 'id', clientSecret: 'secret' };
  const input = readProvider({ ...given, issuer: `http://127.0.0.1:${address.port}` }, { fromFile: false });
  client = { provider: { ...input, id: '1', enabled: true, groups: null }, clientSecret: 'secret' };
});

afterAll(() => {
  server?.close();
});

const answer = (more: Record<string, string> = {}): string =>
  new URLSearchParams({ code: 'good', state: expected.state, ...more }).toString();

describe('GitHub', () => {
  it('is asked for a code with PKCE and state', async () => {
    const url = new URL(await exchanges.authorizationUrl(client, expected));
    expect(url.pathname).toBe('/login/oauth/authorize');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: 'id',
      state: expected.state,
      code_challenge_method: 'S256',
      scope: 'read:user user:email',
    });
  });

  it('names the account by its number, with its primary verified address and not the one it shows', async () => {
    emails = [
      { email: 'old@example.test', primary: false, verified: true },
      { email: 'octocat@example.test', primary: true, verified: true },
    ];
    const person = await exchanges.finish(client, expected, answer());
    expect(person).toEqual({
      subject: '583231',
      email: 'octocat@example.test',
      displayName: 'octocat',
      saysTwoFactors: false,
    });
    expect(asked.get('code_verifier')).toBe(expected.codeVerifier);
    expect(asked.get('redirect_uri')).toBe(expected.redirectUri);
  });

  it('vouches for no address when the primary one is not verified', async () => {
    emails = [
      { email: 'old@example.test', primary: false, verified: true },
      { email: 'octocat@example.test', primary: true, verified: false },
    ];
    expect(await exchanges.finish(client, expected, answer())).toMatchObject({ email: null });
  });

  it.each([
    ['another state', { state: 'x'.repeat(43) }],
    ['a code that it does not know', { code: 'bad' }],
    ['another issuer', { iss: 'https://evil.example' }],
  ])('is not believed with %s', async (_name, more) => {
    await expect(exchanges.finish(client, expected, answer(more))).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});
