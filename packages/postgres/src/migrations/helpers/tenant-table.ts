/** Which role may run which statements on a table. A role that is left out cannot touch it. */
export interface TableGrants {
  api?: string;
  worker?: string;
  identity?: string;
}

export interface TenantTableOptions {
  /** Column that names the organization; a row whose value is null is seen by no tenant. */
  column?: string;
  /** SQL that is true for a row that requests may see; replaces the comparison of `column`. */
  visible?: string;
  /** SQL that must be true for a row that requests write; `visible` when absent. */
  writable?: string;
  grants: TableGrants;
}

/** SQL: the organizations of the person behind this transaction. Evaluated once per statement, not per row. */
export const scopeOrganizations = '(select hexabase.scope_organizations())::text[]';

/** SQL: the person behind this transaction. */
export const scopeUser = '(select hexabase.scope_user())';

/**
 * Statements that close a table with row-level security, forced so that it holds for its owner too, and open it for the
 * roles: requests see rows of their own organizations only, workers and identity see all.
 */
export function tenantTable(table: string, options: TenantTableOptions): string[] {
  const visible = options.visible ?? `${options.column ?? 'organization_id'} = any (${scopeOrganizations})`;
  const { api, worker, identity } = options.grants;
  return [
    `alter table hexabase.${table} enable row level security`,
    `alter table hexabase.${table} force row level security`,
    policy(table, 'hexabase_owner', { visible: 'true', writable: 'true' }),
    ...(api
      ? [
          grant(table, 'hexabase_api', api),
          policy(table, 'hexabase_api', { visible, writable: options.writable ?? visible }),
        ]
      : []),
    ...(worker ? openFor(table, 'hexabase_worker', worker) : []),
    ...(identity ? openFor(table, 'hexabase_identity', identity) : []),
  ];
}

/** For a table that only background work or identity uses; requests of tenants cannot see it at all. */
export function internalTable(table: string, grants: Omit<TableGrants, 'api'>): string[] {
  return tenantTable(table, { visible: 'false', grants });
}

/** For a table of common knowledge (plans, for example): everyone reads all of it. */
export function publicTable(table: string, grants: TableGrants): string[] {
  return tenantTable(table, { visible: 'true', grants });
}

function openFor(table: string, role: string, statements: string): string[] {
  return [grant(table, role, statements), policy(table, role, { visible: 'true', writable: 'true' })];
}

function grant(table: string, role: string, statements: string): string {
  return `grant ${statements} on hexabase.${table} to ${role}`;
}

function policy(table: string, role: string, rule: { visible: string; writable: string }): string {
  return `create policy ${role} on hexabase.${table} to ${role} using (${rule.visible}) with check (${rule.writable})`;
}
