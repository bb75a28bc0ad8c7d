import { createServer, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Cli } from '../cli.ts';
import { loginByDevice } from './by-device.ts';
import { listenForCallback } from './loopback-server.ts';
import type { ServerForDevice } from './request-grant.ts';
import { browserCommand } from './open-browser.ts';

let server: Server | null = null;

afterEach(() => {
  server?.close();
  server = null;
});

/** A server that answers `/auth/device`, and to polls what it is given, one after the other. */
async function answering(answers: readonly { status: number; body: object }[]): Promise<ServerForDevice> {
  const left = [...answers];
  const start = {
    device_code: 'd',
    user_code: 'BCDF-GHJK',
    verification_uri: 'http://x/device',
    expires_in: 60,
    interval: 0,
  };
  server = createServer((request, response) => {
    const { status, body } =
      request.url === '/auth/device'
        ? { status: 200, body: start }
        : (left.shift() ?? { status: 500, body: {} });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const listening = server;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const address = listening.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return { server: `http://127.0.0.1:${port}`, deviceId: 'this machine' };
}

function cliThatSays(said: string[]): Pick<Cli, 'note' | 'signal'> {
  return { note: (text) => said.push(text), signal: new AbortController().signal };
}

const pending = { status: 400, body: { error: 'authorization_pending' } };
const granted = {
  access_token: 'a',
  refresh_token: 'r',
  expires_at: '2030-01-01T00:00:00Z',
  user: { email: 'ada@example.test' },
};

describe('hks login --device', () => {
  it('shows the address and the code, and asks until somebody has answered', async () => {
    const said: string[] = [];
    const at = await answering([pending, pending, { status: 200, body: granted }]);
    expect(await loginByDevice(cliThatSays(said), at)).toEqual(granted);
    expect(said.join('\n')).toMatch(/http:\/\/x\/device[^]*BCDF-GHJK/);
  });

  it.each([
    [{ status: 400, body: { error: 'expired_token' } }, /Nobody answered in the browser in time/],
    [{ status: 400, body: { error: 'access_denied' } }, /refused in the browser/],
    [
      { status: 400, body: { error: 'invalid_grant', error_description: 'It is used.' } },
      /not signed in: It is used/,
    ],
    [{ status: 502, body: {} }, /answered 502 .* Is it a Hexabase server/],
  ])('says in a sentence why it ended: %j', async (answer, sentence) => {
    const at = await answering([pending, answer]);
    await expect(loginByDevice(cliThatSays([]), at)).rejects.toMatchObject({
      name: 'CliError',
      message: expect.stringMatching(sentence),
    });
  });
});

describe('the port that waits for the browser', () => {
  it('turns away what another page sends: only the sign-in that was started here counts', async () => {
    await using loopback = await listenForCallback('our state');
    expect(loopback.redirectUri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    for (const foreign of [
      '?code=theirs&state=other',
      '?code=theirs',
      '?error=access_denied&state=',
      '/x?code=a&state=our+state',
    ]) {
      expect((await fetch(loopback.redirectUri + foreign)).status).toBe(404);
    }
    const page = fetch(`${loopback.redirectUri}?code=ours&state=our+state`);
    const back = await loopback.callback;
    expect(back).toMatchObject({ code: 'ours' });
    await back.answer({ title: 'Signed in', text: '<script>' });
    expect(await (await page).text()).toContain('&lt;script&gt;');
  });
});

describe('which browser opens', () => {
  it('is the one that BROWSER names, else the desktop’s, and none in a remote shell or without a display', () => {
    expect(browserCommand({ BROWSER: '/opt/web', SSH_CONNECTION: 'x' }, 'linux')).toEqual(['/opt/web']);
    expect(browserCommand({ DISPLAY: ':0' }, 'linux')).toEqual(['xdg-open']);
    expect(browserCommand({ DISPLAY: ':0', SSH_CONNECTION: 'x' }, 'linux')).toBeNull();
    expect(browserCommand({}, 'linux')).toBeNull();
    expect(browserCommand({}, 'darwin')).toEqual(['open']);
  });
});
