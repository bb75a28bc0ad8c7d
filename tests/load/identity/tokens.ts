import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { openIdentity } from '@hexabase/oidc/identity.ts';
import { createUser, type User } from '@hexabase/oidc/users.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { measure } from '../kubernetes/figures.ts';
import { atLeast } from '../product/report.ts';
import type { IdentityPart } from './part.ts';

const people = 40;
const loops = 8;
const ms = 10_000;
const groups = ['hexabase:ws-members', 'hexabase:ws-users', `hexabase:group:${newId()}`];
const password = 'correct horse battery staple';

/** How many tokens are signed, and how many people can sign in, a second. */
export const tokensPart: IdentityPart = {
  name: 'tokens',
  title: 'tokens and sign-in',
  async measure() {
    await using test = await testDatabase();
    await using identity = await openIdentity({
      db: test.database,
      masterKey: test.masterKey,
      issuer: 'https://localhost:8443/oidc',
      clock: systemClock,
    });
    const made: User[] = [];
    for (let n = 0; n < people; n += 1) {
      const user = { email: `person${n}@example.test`, displayName: 'Person', password };
      made.push(await test.database.asIdentity((tx) => createUser(tx, user, systemClock.now())));
    }
    const workspaceId = newId<'Workspace'>();
    const tokens = await measure({ loops, ms }, (n) => {
      const { id: userId, email } = made[n % people] ?? { id: newId<'User'>(), email: '' };
      const actor = { userId, email, sessionId: newId<'Session'>() };
      return identity.mintKubeToken({ actor, workspaceId, groups, epoch: 1 });
    });
    const logins = await measure({ loops, ms }, (n) => {
      const device = { userAgent: null, address: `192.0.2.${n % 250}`, deviceId: null };
      return identity.signIn({ email: `person${n % people}@example.test`, password, device });
    });
    if (tokens.errors + logins.errors > 0)
      throw new Error(`${tokens.errors} tokens and ${logins.errors} sign-ins failed`);
    return {
      how: `In one process, ${loops} at once for ${ms / 1000} s each: tokens for kubectl (RS256, 2048 bits, ${groups.length} groups) signed as the API does; then sign-ins of ${people} people with their passwords (argon2id, 19 MiB, 2 passes), each with its session, refresh and access token in PostgreSQL (without fsync).`,
      rows: [
        atLeast('tokens issued', { value: 1000, unit: '/s' }, tokens.perSecond),
        atLeast('sign-ins with a password', { value: 20, unit: '/s' }, logins.perSecond),
      ],
      details: { tokens, logins },
    };
  },
};
