import { tenantTable } from './helpers/tenant-table.ts';

const everything = 'select, insert, update, delete';

/**
 * Groups become a forest per organization. Those of a workspace (`workspace_id`) are made and removed with it; a group
 * that was put below one of them stays when it goes.
 */
const groups = [
  'alter table hexabase.workspace_groups rename to groups',
  'alter table hexabase.workspace_group_members rename to group_members',
  'alter table hexabase.groups alter column workspace_id drop not null',
  'alter table hexabase.groups add column created_by text',
  'alter table hexabase.groups add foreign key (organization_id) references hexabase.organizations on delete cascade',
  'alter table hexabase.groups drop constraint workspace_groups_parent_id_fkey',
  'alter table hexabase.groups add foreign key (parent_id) references hexabase.groups on delete set null',
  'create unique index groups_name on hexabase.groups (organization_id, lower(name)) where workspace_id is null',
  'create index on hexabase.groups (organization_id)',
  'create index on hexabase.group_members (user_id)',
  // A new group closes no circle. Two moves that together would close one wait for each other, whoever does them.
  `create function hexabase.check_group_tree() returns trigger language plpgsql set search_path = hexabase, pg_temp as $$
     begin
       if new.parent_id is null then return new; end if;
       if not exists (select from groups g where g.id = new.parent_id and g.organization_id = new.organization_id) then
         raise exception 'the parent group is not of this organization' using errcode = 'check_violation';
       end if;
       if tg_op = 'INSERT' then return new; end if;
       perform pg_advisory_xact_lock(hashtextextended('hexabase.groups ' || new.organization_id, 0));
       if exists (
         with recursive above as (
           select g.id, g.parent_id from groups g where g.id = new.parent_id
           union
           select g.id, g.parent_id from groups g join above on g.id = above.parent_id
         )
         select from above where above.id = new.id
       ) then
         raise exception 'a group cannot be below itself' using errcode = 'check_violation';
       end if;
       return new;
     end $$`,
  `create trigger check_tree_insert before insert on hexabase.groups
     for each row execute function hexabase.check_group_tree()`,
  `create trigger check_tree_update before update of parent_id on hexabase.groups
     for each row when (old.parent_id is distinct from new.parent_id) execute function hexabase.check_group_tree()`,
];

const roles = [
  `create table hexabase.roles (
     id text primary key,
     organization_id text not null references hexabase.organizations on delete cascade,
     workspace_id text not null references hexabase.workspaces on delete cascade,
     scope text not null check (scope in ('workspace', 'project')),
     name text not null,
     description text not null default '',
     rules jsonb not null,
     generation integer not null default 1,
     created_by text,
     created_at timestamptz not null default now(),
     unique (workspace_id, name)
   )`,
  'create index on hexabase.roles (organization_id)',
  ...tenantTable('roles', { grants: { api: everything, worker: 'select, delete' } }),
];

/** Who has which role where: a preset or a role of the workspace, given to a group or to a person. */
const assignments = [
  `create table hexabase.role_assignments (
     id text primary key,
     organization_id text not null references hexabase.organizations on delete cascade,
     workspace_id text not null references hexabase.workspaces on delete cascade,
     project_id text references hexabase.projects on delete cascade,
     preset text check (preset in ('admin', 'developer', 'viewer')),
     role_id text references hexabase.roles on delete cascade,
     group_id text references hexabase.groups on delete cascade,
     user_id text,
     created_by text,
     created_at timestamptz not null default now(),
     check ((preset is null) <> (role_id is null)),
     check ((group_id is null) <> (user_id is null)),
     check (project_id is not null or preset is distinct from 'developer')
   )`,
  `create unique index role_assignments_once on hexabase.role_assignments
     (workspace_id, coalesce(project_id, ''), coalesce(role_id, preset), coalesce(group_id, user_id))`,
  'create index on hexabase.role_assignments (organization_id, user_id)',
  'create index on hexabase.role_assignments (group_id)',
  'create index on hexabase.role_assignments (role_id)',
  'create index on hexabase.role_assignments (project_id)',
  ...tenantTable('role_assignments', { grants: { api: everything, worker: 'select, delete' } }),
];

/** Like `revoke_user` for everybody whom a change of groups or roles may touch; of many, the gateways hear one call. */
const revocation = [
  `create function hexabase.revoke_users(revoked text[]) returns void
     language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
     begin
       update hexabase.users set epoch = epoch + 1
         where id in (select u.id from hexabase.users u where u.id = any (revoked) order by u.id for update);
       if cardinality(revoked) > 100 then
         perform pg_notify('hexabase_revocation', '');
       else
         perform pg_notify('hexabase_revocation', one) from unnest(revoked) as one;
       end if;
     end $$`,
  'revoke all on function hexabase.revoke_users(text[]) from public',
  'grant execute on function hexabase.revoke_users(text[]) to hexabase_identity, hexabase_api, hexabase_worker',
];

export const up = [...groups, ...roles, ...assignments, ...revocation];

export const down = [
  'drop function hexabase.revoke_users(text[])',
  'drop table hexabase.role_assignments',
  'drop table hexabase.roles',
  'drop trigger check_tree_update on hexabase.groups',
  'drop trigger check_tree_insert on hexabase.groups',
  'drop function hexabase.check_group_tree',
  'drop index hexabase.groups_name',
  'drop index hexabase.groups_organization_id_idx',
  'drop index hexabase.group_members_user_id_idx',
  'alter table hexabase.groups drop constraint groups_parent_id_fkey',
  'alter table hexabase.groups drop constraint groups_organization_id_fkey',
  'alter table hexabase.groups drop column created_by',
  'delete from hexabase.groups where workspace_id is null',
  'alter table hexabase.groups alter column workspace_id set not null',
  'alter table hexabase.groups rename to workspace_groups',
  'alter table hexabase.group_members rename to workspace_group_members',
  `alter table hexabase.workspace_groups add constraint workspace_groups_parent_id_fkey
     foreign key (parent_id) references hexabase.workspace_groups on delete cascade`,
];
