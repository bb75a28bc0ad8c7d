import type { Change } from '../weakening.ts';

/** The three locks behind one another that end what clients of single sign-on got in a session, all taken away. */
export const sessionsThatGoOn: readonly Change[] = [
  {
    file: 'packages/oidc/src/provider/payload-adapter.ts',
    find: 'WHERE s.provider_session = oidc.payloads.session AND s.ended_at IS NOT NULL)',
    replace: 'WHERE false)',
  },
  {
    file: 'packages/oidc/src/provider/payload-adapter.ts',
    find: 'WHERE s.provider_session = ${session} AND s.ended_at IS NOT NULL)',
    replace: 'WHERE false)',
  },
  {
    file: 'packages/oidc/src/provider/logout/notice-store.ts',
    find: 'DELETE FROM oidc.payloads WHERE session = ${session} RETURNING model, id, payload',
    replace: 'SELECT model, id, payload FROM oidc.payloads WHERE session = ${session}',
  },
];
