import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { openIdentity, type Identity } from '@hexabase/oidc/identity.ts';
import { createUser, type User } from '@hexabase/oidc/users.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { measure, percentile } from '../kubernetes/figures.ts';
import { atLeast, atMost, short } from '../product/report.ts';
import type { IdentityPart } from './part.ts';

const people = 40;
/** Each is tried once: who fails again has to wait. */
const strangers = 150;
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
    const [known = 0, federated = 0, unknown = 0] = await refusedSignIns(test.database, identity);
    const differences = [known, federated].map((one) => Math.abs(one / unknown - 1) * 100);
    const told = atMost(
      'difference by which a refused sign-in tells whether there is an account, p50',
      { value: 5, unit: '%' },
      Math.max(...differences),
    );
    return {
      how: `In one process, ${loops} at once for ${ms / 1000} s each: tokens for kubectl (RS256, 2048 bits, ${groups.length} groups) signed as the API does; then sign-ins of ${people} people with their passwords (argon2id, 19 MiB, 2 passes), each with its session, refresh and access token in PostgreSQL (without fsync). Last, sign-ins with a wrong password, in turn of ${strangers} people who have another one, ${strangers} who have none and ${strangers} whom there are not.`,
      rows: [
        atLeast('tokens issued', { value: 1000, unit: '/s' }, tokens.perSecond),
        atLeast('sign-ins with a password', { value: 20, unit: '/s' }, logins.perSecond),
        {
          ...told,
          measured: `${told.measured} (${short(known)} and ${short(federated)} against ${short(unknown)} ms)`,
        },
      ],
      details: { tokens, logins, refusedMs: { known, federated, unknown } },
    };
  },
};

/** Milliseconds (p50) of sign-ins that are refused: of people with a password, without one, and of those whom there are not. */
async function refusedSignIns(db: Database, identity: Pick<Identity, 'signIn'>): Promise<number[]> {
  const kinds = ['known', 'federated', 'unknown'];
  for (let n = 0; n < strangers; n += 1) {
    const users = [
      { email: `known${n}@example.test`, displayName: 'Person', password: `another ${password}` },
      { email: `federated${n}@example.test`, displayName: 'Person', password: null },
    ];
    for (const user of users) await db.asIdentity((tx) => createUser(tx, user, systemClock.now()));
  }
  const taken = kinds.map((): number[] => []);
  for (let n = 0; n < strangers; n += 1) {
    for (const [index, kind] of kinds.entries()) {
      const device = { userAgent: null, address: `198.51.100.${n}`, deviceId: null };
      const begun = performance.now();
      const refused = await identity
        .signIn({ email: `${kind}${n}@example.test`, password, device })
        .then(() => false)
        .catch(() => true);
      if (!refused) throw new Error(`${kind}${n} was let in`);
      taken[index]?.push(performance.now() - begun);
    }
  }
  return taken.map((all) => percentile(all, 0.5));
}
