import type { KnownSecret } from '@hexabase/contract/people/member.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/**
 * What goes on to let somebody in who made it, whether or not they are a member: live tokens of service accounts, which were
 * shown to them, and rules for jobs, which may be theirs.
 */
export async function secretsMadeBy(
  tx: Tx,
  { organizationId, userId, at }: { organizationId: string; userId: string; at: Date },
): Promise<Omit<KnownSecret, 'howTo'>[]> {
  const { rows } = await sql<Omit<KnownSecret, 'howTo' | 'lastUsedAt'> & { lastUsedAt: Date | null }>`
    select 'token' as kind, t.id, t.name, split_part(u.email, '@', 1) as "serviceAccount", t.last_used_at as "lastUsedAt"
    from api_tokens t join users u on u.id = t.user_id
    where t.organization_id = ${organizationId} and t.created_by = ${userId} and t.user_id <> ${userId}
      and t.revoked_at is null and t.expires_at > ${at} and t.federation_id is null
    union all
    select 'federation', f.id, f.name, split_part(u.email, '@', 1), f.last_used_at
    from federations f join users u on u.id = f.user_id
    where f.organization_id = ${organizationId} and f.created_by = ${userId}
    order by kind desc, "serviceAccount", name`.execute(tx);
  return rows.map((row) => ({ ...row, lastUsedAt: row.lastUsedAt?.toISOString() ?? null }));
}
