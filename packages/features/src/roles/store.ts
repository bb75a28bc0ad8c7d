import { presetRoles, type PresetRole } from '@hexabase/authz/rules/presets.ts';
import { rulesInWords } from '@hexabase/authz/rules/in-words.ts';
import type { Role } from '@hexabase/contract/access/role.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

interface RoleRow {
  id: string;
  scope: Role['scope'];
  name: string;
  description: string;
  rules: PolicyRule[];
  created_at: Date;
}

const columns = sql`id, scope, name, description, rules, created_at`;

/** The roles of the workspace's own, by name. */
export async function listOwnRoles(tx: Tx, workspaceId: string): Promise<Role[]> {
  const { rows } = await sql<RoleRow>`
    select ${columns} from roles where workspace_id = ${workspaceId} order by name`.execute(tx);
  return rows.map(toRole);
}

/** A page of the roles that every workspace has and its own after them. Only what is on it is read whole: rules can be long. */
export async function listRolePage(
  tx: Tx,
  workspaceId: string,
  query: PageQuery,
): Promise<{ data: Role[]; total: number }> {
  const { rows: names } = await sql<{ id: string; name: string }>`
    select id, name from roles where workspace_id = ${workspaceId} order by name`.execute(tx);
  const all: { name: string; id?: string; preset?: PresetRole }[] = [
    ...presetRoles.map((preset) => ({ name: preset.name, preset })),
    ...names,
  ];
  if (query.sort !== undefined) {
    const { direction } = orderBy(query.sort, { name: 'name' }, { column: 'name', direction: 'asc' });
    all.sort((a, b) => a.name.localeCompare(b.name) * (direction === 'asc' ? 1 : -1));
  }
  const page = all.slice(offsetOf(query), offsetOf(query) + query.limit);
  const { rows } = await sql<RoleRow>`
    select ${columns} from roles where id = any (${page.flatMap(({ id }) => id ?? [])}::text[])`.execute(tx);
  const own = new Map(rows.map((row) => [row.id, row]));
  const data = page.flatMap(({ id, preset }) => {
    if (preset) return presetAsRole(preset);
    const row = own.get(id ?? '');
    return row ? toRole(row) : [];
  });
  return { data, total: all.length };
}

/** A role of the workspace's own, by name or id. */
export async function findOwnRole(tx: Tx, workspaceId: string, nameOrId: string): Promise<Role | null> {
  const { rows } = await sql<RoleRow>`
    select ${columns} from roles
    where workspace_id = ${workspaceId} and (id = ${nameOrId} or name = ${nameOrId})
    order by (id = ${nameOrId}) desc limit 1`.execute(tx);
  return rows[0] ? toRole(rows[0]) : null;
}

export async function countOwnRoles(tx: Tx, workspaceId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from roles where workspace_id = ${workspaceId}`.execute(tx);
  return rows[0]?.count ?? 0;
}

/** How long the rules of all of the workspace's own roles are. */
export async function rulesBytes(tx: Tx, workspaceId: string): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select coalesce(sum(octet_length(rules::text)), 0)::integer as bytes from roles
    where workspace_id = ${workspaceId}`.execute(tx);
  return rows[0]?.bytes ?? 0;
}

export interface NewRole extends Omit<RoleRow, 'created_at'> {
  organizationId: string;
  workspaceId: string;
  createdBy: string;
  createdAt: Date;
}

/** Answers false when the workspace has a role of that name. */
export async function insertRole(tx: Tx, role: NewRole): Promise<boolean> {
  const { rows } = await sql`
    insert into roles (id, organization_id, workspace_id, scope, name, description, rules, created_by, created_at)
    values (${role.id}, ${role.organizationId}, ${role.workspaceId}, ${role.scope}, ${role.name}, ${role.description},
      ${JSON.stringify(role.rules)}::jsonb, ${role.createdBy}, ${role.createdAt})
    on conflict do nothing returning id`.execute(tx);
  return rows.length > 0;
}

export async function changeRole(
  tx: Tx,
  id: string,
  change: { description: string; rules: readonly PolicyRule[] },
): Promise<void> {
  await sql`update roles set description = ${change.description}, rules = ${JSON.stringify(change.rules)}::jsonb,
    generation = generation + 1 where id = ${id}`.execute(tx);
}

export async function deleteRoleRow(tx: Tx, id: string): Promise<void> {
  await sql`delete from roles where id = ${id}`.execute(tx);
}

/** The groups and people who were given the role. */
export async function holdersOfRole(
  tx: Tx,
  roleId: string,
): Promise<{ groupIds: string[]; userIds: string[] }> {
  const { rows } = await sql<{ group_id: string | null; user_id: string | null }>`
    select distinct group_id, user_id from role_assignments where role_id = ${roleId}`.execute(tx);
  return {
    groupIds: rows.flatMap((row) => row.group_id ?? []),
    userIds: rows.flatMap((row) => row.user_id ?? []),
  };
}

export function presetAsRole(preset: PresetRole): Role {
  return {
    id: null,
    name: preset.name,
    scope: preset.scope,
    description: preset.description,
    builtIn: true,
    rules: [...preset.rules],
    words: rulesInWords(preset.rules),
    clusterRole: preset.clusterRole,
    createdAt: null,
  };
}

function toRole(row: RoleRow): Role {
  return {
    id: row.id,
    name: row.name,
    scope: row.scope,
    description: row.description,
    builtIn: false,
    rules: row.rules,
    words: rulesInWords(row.rules),
    clusterRole: customRoleName(row.id),
    createdAt: row.created_at.toISOString(),
  };
}

/** Name of a custom role's ClusterRole: by id, so that a name that comes again means nothing to old bindings. */
export function customRoleName(id: string): string {
  return `hexabase:role:${id}`;
}
