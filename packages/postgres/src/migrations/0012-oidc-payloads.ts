/**
 * What oidc-provider keeps: interactions, grants, codes, device codes. Without it a restart would forget every one.
 * Ids are hashes and payloads ciphertext, because a code or a session id is as good as its holder.
 */
export const up: readonly string[] = [
  `CREATE TABLE oidc.payloads (
    model text NOT NULL,
    id text NOT NULL,
    payload text NOT NULL,
    grant_id text,
    user_code text,
    uid text,
    consumed_at timestamptz,
    expires_at timestamptz,
    PRIMARY KEY (model, id)
  )`,
  `CREATE INDEX payloads_grant ON oidc.payloads (grant_id) WHERE grant_id IS NOT NULL`,
  `CREATE UNIQUE INDEX payloads_user_code ON oidc.payloads (user_code) WHERE user_code IS NOT NULL`,
  `CREATE UNIQUE INDEX payloads_uid ON oidc.payloads (model, uid) WHERE uid IS NOT NULL`,
  `CREATE INDEX payloads_expiry ON oidc.payloads (expires_at)`,
  `ALTER TABLE oidc.payloads ENABLE ROW LEVEL SECURITY`,
  `ALTER TABLE oidc.payloads FORCE ROW LEVEL SECURITY`,
  `GRANT SELECT, INSERT, UPDATE, DELETE ON oidc.payloads TO hexabase_identity`,
  `CREATE POLICY identity_all ON oidc.payloads TO hexabase_identity USING (true) WITH CHECK (true)`,
];

export const down: readonly string[] = [`DROP TABLE oidc.payloads`];
