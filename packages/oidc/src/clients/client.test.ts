import { isAppError } from '@hexabase/kernel/errors.ts';
import { describe, expect, it } from 'vitest';
import { blockedPortOf } from './blocked-ports.ts';
import { checkClient } from './client.ts';

const client = {
  id: 'board',
  secretHash: 'x',
  redirectUris: ['https://board.example/callback'],
  postLogoutRedirectUris: [],
  backchannelLogoutUri: null,
};

function complaint(change: Partial<typeof client> | { backchannelLogoutUri: string }): unknown {
  try {
    checkClient({ ...client, ...change }, { loopbackNotices: true });
    return null;
  } catch (error) {
    return isAppError(error) ? error.details['fields'] : error;
  }
}

describe('an address that is registered', () => {
  it.each([
    ['backchannel-logout-uri', { backchannelLogoutUri: 'https://board.example:6000/logout' }],
    ['backchannel-logout-uri', { backchannelLogoutUri: 'http://127.0.0.1:6000/logout' }],
    ['redirect-uri', { redirectUris: ['https://board.example:6000/callback'] }],
    ['post-logout-redirect-uri', { postLogoutRedirectUris: ['https://board.example:6000/'] }],
  ])('is refused at a port that nothing ever connects to: %s', (path, change) => {
    expect(complaint(change as Partial<typeof client>)).toEqual([
      { path, message: 'uses port 6000, to which no browser and no server connects: choose another' },
    ]);
  });

  it('may be at any other port', () => {
    expect(complaint({ backchannelLogoutUri: 'https://board.example:8443/logout' })).toBeNull();
    expect(complaint({ backchannelLogoutUri: 'https://board.example/logout' })).toBeNull();
  });
});

it('the ports that are refused are those to which our own requests never go', async () => {
  const dispatcher = {
    dispatch() {
      throw new Error('would connect');
    },
  };
  const told: number[] = [];
  const refused: number[] = [];
  for (let first = 1; first < 11_000; first += 500) {
    const ports = Array.from({ length: 500 }, (_, index) => first + index);
    const causes = await Promise.all(
      ports.map((port) =>
        // Whoever gives `fetch` another way to connect is asked only for ports that it does not block.
        fetch(`http://127.0.0.1:${port}/`, Object.assign({ method: 'POST' }, { dispatcher })).then(
          () => 'answered',
          (error: Error) => String(error.cause ?? error),
        ),
      ),
    );
    for (const [index, port] of ports.entries()) {
      if (causes[index]?.includes('bad port')) told.push(port);
      if (blockedPortOf(new URL(`https://a.example:${port}/`)) !== null) refused.push(port);
    }
  }
  expect(told.length).toBeGreaterThan(70);
  expect(refused).toEqual(told);
});
