import { testIdentity } from '@hexabase/testkit/identity/test-identity.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { createUser } from '../users.ts';
import type { TokenSet } from './issue-tokens.ts';

const password = 'correct horse battery';
const { test, identity, clock, close } = await testIdentity();
afterAll(close);
let counter = 0;

async function signInOn(deviceId: string | null): Promise<TokenSet> {
  counter += 1;
  const email = `device-${counter}@example.test`;
  await test.database.asIdentity((tx) =>
    createUser(tx, { email, displayName: 'Dee', password }, clock.now()),
  );
  return identity.signIn({ email, password, device: { userAgent: null, address: '192.0.2.1', deviceId } });
}

const refresh = ({ refreshToken }: TokenSet, deviceId: string | null) =>
  identity.refresh({ refreshToken, deviceId });

describe('a refresh token', () => {
  it.each(['another', '', null])('on %j ends the session that began on the laptop', async (deviceId) => {
    const tokens = await signInOn('laptop');
    const kept = await refresh(tokens, 'laptop');
    await expect(refresh(kept, deviceId)).rejects.toMatchObject({
      code: 'refresh_reused',
      message: expect.stringContaining('another device'),
    });
    await expect(identity.authenticate(kept.accessToken)).rejects.toMatchObject({ code: 'session_ended' });
    await expect(refresh(kept, 'laptop')).rejects.toMatchObject({ code: 'session_ended' });
  });

  it('of a session that named no device is bound to the first that it names', async () => {
    const unnamed = await refresh(await signInOn(null), null);
    const bound = await refresh(unnamed, 'laptop');
    const again = await refresh(bound, 'laptop');
    await expect(refresh(again, 'phone')).rejects.toMatchObject({ code: 'refresh_reused' });
  });

  it('that has run out ends nothing, wherever it is brought from', async () => {
    const tokens = await signInOn('laptop');
    clock.advance(7 * 86_400_000 + 1);
    await expect(refresh(tokens, 'phone')).rejects.toMatchObject({ code: 'session_ended' });
  });
});
