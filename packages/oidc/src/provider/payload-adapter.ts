import { hash } from 'node:crypto';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { errors, type Adapter, type AdapterPayload } from 'oidc-provider';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';

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

/** Keeps what oidc-provider wants kept in PostgreSQL, ids hashed and payloads encrypted. */
export function payloadAdapter(deps: PayloadAdapterDeps): (model: string) => Adapter {
  return (model) => {
    const digest = (text: string) => hash('sha256', `${model}:${text}`, 'base64url');
    const contextOf = (id: string) => `oidc.payloads/${model}/${id}`;

    async function findWhere(condition: ReturnType<typeof sql>): Promise<AdapterPayload | undefined> {
      const now = new Date(deps.clock.now());
      const { rows } = await deps.db.asIdentity((tx) =>
        sql<Row>`SELECT id, payload, consumed_at FROM oidc.payloads
          WHERE model = ${model} AND ${condition} AND (expires_at IS NULL OR expires_at > ${now})`.execute(
          tx,
        ),
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
          sql`DELETE FROM oidc.payloads WHERE grant_id = ${grantDigest(grantId)}`.execute(tx),
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
  await sql`
    INSERT INTO oidc.payloads (model, id, payload, grant_id, user_code, uid, expires_at)
    VALUES (${model}, ${id}, ${sealed}, ${grantId}, ${userCode}, ${uid}, ${expiresAt})
    ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
      user_code = excluded.user_code, uid = excluded.uid, expires_at = excluded.expires_at`.execute(tx);
}

/** Grants are revoked across models, so their hash has no model in it. */
function grantDigest(grantId: string): string {
  return hash('sha256', `grant:${grantId}`, 'base64url');
}
