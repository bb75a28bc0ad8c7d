/**
 * Groups that identity providers say: which claim of a provider is read, into which organization, and which memberships
 * and groups came from it. What people were given by hand has no provider. A provider is named by its name, which never
 * changes and which tenants may read: everybody sees it on the sign-in page.
 */
const providers = [
  `alter table hexabase.identity_providers
     add column groups_claim text,
     add column groups_organization_id text references hexabase.organizations on delete set null,
     add column groups_parent text,
     add column groups_map jsonb not null default '[]'`,
  'create index on hexabase.identity_providers (groups_organization_id)',
  // What a provider said waits for the rest of the sign-in: nothing is changed before that is wholly proven.
  'alter table hexabase.upstream_sign_ins add column groups jsonb',
  'alter table hexabase.upstream_sign_ins drop constraint upstream_sign_ins_state_check',
  `alter table hexabase.upstream_sign_ins add constraint upstream_sign_ins_state_check
     check (state in ('started', 'proven', 'confirm', 'taken'))`,
];

const memberships = [
  `alter table hexabase.group_members
     add column provider text references hexabase.identity_providers (name) on delete cascade`,
  'create index on hexabase.group_members (provider, user_id) where provider is not null',
  `alter table hexabase.groups
     add column provider text references hexabase.identity_providers (name) on delete set null,
     add column provider_value text`,
  'create unique index groups_provider on hexabase.groups (provider, provider_value) where provider is not null',
];

/** Statements that identity runs on tables that only requests and workers had. */
const grants = {
  groups: 'select, insert, delete, update (provider, provider_value)',
  group_members: 'select, insert, delete',
  role_assignments: 'select',
};

export const up = [
  ...providers,
  ...memberships,
  ...Object.entries(grants).flatMap(([table, statements]) => [
    `grant ${statements} on hexabase.${table} to hexabase_identity`,
    `create policy hexabase_identity on hexabase.${table} to hexabase_identity using (true) with check (true)`,
  ]),
];

export const down = [
  ...Object.keys(grants).flatMap((table) => [
    `drop policy hexabase_identity on hexabase.${table}`,
    `revoke all on hexabase.${table} from hexabase_identity`,
  ]),
  'revoke update (provider, provider_value) on hexabase.groups from hexabase_identity',
  'drop index hexabase.groups_provider',
  'alter table hexabase.groups drop column provider, drop column provider_value',
  // Without the column they would look like given by hand.
  'delete from hexabase.group_members where provider is not null',
  'alter table hexabase.group_members drop column provider',
  `delete from hexabase.upstream_sign_ins where state = 'taken'`,
  'alter table hexabase.upstream_sign_ins drop constraint upstream_sign_ins_state_check',
  `alter table hexabase.upstream_sign_ins add constraint upstream_sign_ins_state_check
     check (state in ('started', 'proven', 'confirm'))`,
  'alter table hexabase.upstream_sign_ins drop column groups',
  `alter table hexabase.identity_providers drop column groups_claim, drop column groups_organization_id,
     drop column groups_parent, drop column groups_map`,
];
