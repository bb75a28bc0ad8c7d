import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import { clientAdapter } from './client-adapter.ts';
import { grantDigest, payloadDigest, providerSessionDigest } from './payload-digest.ts';

export interface PayloadAdapterDeps {
  db: Pick<Database, 'asIdentity'>;
  vault: KeyVault;
  clock: Clock;
}

interface Row {
  id: string;
  payload: string;
  consumed_at: Date | null;
}

/**
 * Keeps what oidc-provider wants kept in PostgreSQL, ids hashed and payloads encrypted. Of a session that ended nothing
 * is found any more, and nothing is kept either: a request that began before cannot bring it back.
 */
export function payloadAdapter(deps: PayloadAdapterDeps): (model: string) => Adapter {
  return (model) => {
    if (model === 'Client') return clientAdapter(deps.db);
    const digest = (text: string) => payloadDigest(model, text);
    const contextOf = (id: string) => payloadContext(model, id);

    async function findWhere(condition: ReturnType<typeof sql>): Promise<AdapterPayload | undefined> {
      const now = new Date(deps.clock.now());
      const { rows } = await deps.db.asIdentity((tx) =>
        sql<Row>`SELECT id, payload, consumed_at FROM oidc.payloads
          WHERE model = ${model} AND ${condition} AND (expires_at IS NULL OR expires_at > ${now})
            AND NOT EXISTS (SELECT 1 FROM hexabase.sessions s
              WHERE s.provider_session = oidc.payloads.session AND s.ended_at IS NOT NULL)`.execute(tx),
      );
      const row = rows[0];
      if (!row) return undefined;
      const payload: AdapterPayload = JSON.parse(deps.vault.open(row.payload, contextOf(row.id)).toString());
      return row.consumed_at
        ? { ...payload, consumed: Math.floor(row.consumed_at.getTime() / 1000) }
        : payload;
    }

    return {
      async upsert(id, payload, expiresIn) {
        const row = {
          id: digest(id),
          sealed: deps.vault.seal(Buffer.from(JSON.stringify(payload)), contextOf(digest(id))),
          expiresAt: expiresIn ? new Date(deps.clock.now() + expiresIn * 1000) : null,
        };
        await deps.db.asIdentity((tx) => upsertPayload(tx, { model, payload, ...row, digest }));
      },
      find: (id) => findWhere(sql`id = ${digest(id)}`),
      findByUserCode: (userCode) => findWhere(sql`user_code = ${digest(userCode)}`),
      findByUid: (uid) => findWhere(sql`uid = ${digest(uid)}`),
      async consume(id) {
        const now = new Date(deps.clock.now());
        const { numAffectedRows } = await deps.db.asIdentity((tx) =>
          sql`UPDATE oidc.payloads SET consumed_at = ${now} WHERE model = ${model} AND id = ${digest(id)} AND consumed_at IS NULL`.execute(
            tx,
          ),
        );
        // The provider looks first and consumes later: of two parallel redemptions the second must fail here.
        if (numAffectedRows !== 1n) throw new errors.InvalidGrant('it was already used');
      },
      async destroy(id) {
        await deps.db.asIdentity((tx) =>
          sql`DELETE FROM oidc.payloads WHERE model = ${model} AND id = ${digest(id)}`.execute(tx),
        );
      },
      async revokeByGrantId(grantId) {
        await deps.db.asIdentity((tx) =>
          // The sign-in under way names the grant as well, and goes on with whoever comes in place of its person.
          sql`DELETE FROM oidc.payloads WHERE grant_id = ${grantDigest(grantId)} AND model <> 'Interaction'`.execute(
            tx,
          ),
        );
      },
    };
  };
}

interface Upsert {
  model: string;
  id: string;
  sealed: string;
  payload: AdapterPayload;
  expiresAt: Date | null;
  digest(text: string): string;
}

async function upsertPayload(
  tx: Tx,
  { model, id, sealed, payload, expiresAt, digest }: Upsert,
): Promise<void> {
  const grantId = payload.grantId === undefined ? null : grantDigest(payload.grantId);
  const userCode = payload.userCode === undefined ? null : digest(payload.userCode);
  const uid = payload.uid === undefined ? null : digest(payload.uid);
  const session = sessionOf(model, payload);
  await sql`
    INSERT INTO oidc.payloads (model, id, payload, grant_id, user_code, uid, session, expires_at)
    SELECT ${model}, ${id}, ${sealed}, ${grantId}, ${userCode}, ${uid}, ${session}, ${expiresAt}::timestamptz
    WHERE NOT EXISTS (SELECT 1 FROM hexabase.sessions s
      WHERE s.provider_session = ${session} AND s.ended_at IS NOT NULL)
    ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
      user_code = excluded.user_code, uid = excluded.uid, session = excluded.session,
      expires_at = excluded.expires_at`.execute(tx);
}

/** What a sealed payload is bound to. */
export function payloadContext(model: string, digest: string): string {
  return `oidc.payloads/${model}/${digest}`;
}

/** Of a session itself, and of what was issued in it. */
function sessionOf(model: string, payload: AdapterPayload): string | null {
  const uid = model === 'Session' ? payload.uid : payload['sessionUid'];
  return typeof uid === 'string' ? providerSessionDigest(uid) : null;
}
