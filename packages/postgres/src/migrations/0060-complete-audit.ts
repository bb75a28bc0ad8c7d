import { internalTable, scopeOrganizations, scopeUser } from './helpers/tenant-table.ts';

/** Entries written before these columns have version 1, and a hash that does not cover them. */
const columns = [
  `alter table hexabase.audit_entries
     add column version smallint not null default 1,
     add column person_id text,
     add column seen_by text[] not null default '{}',
     add column workspace_id text,
     add column address text,
     add column agent text,
     add column access_grant_id text`,
  'alter table hexabase.audit_entries alter column version set default 2',
  // What JavaScript reads of a time is what an export goes on from.
  `alter table hexabase.audit_entries alter column created_at set default date_trunc('milliseconds', now())`,
  // What belongs to no organization is in the chain of the person, and what belongs to nobody in the platform's.
  `alter table hexabase.audit_entries
     add column chain text not null generated always as (coalesce(organization_id, 'person:' || person_id, '')) stored`,
  'drop index hexabase.audit_entries_sequence',
  'create unique index audit_entries_sequence on hexabase.audit_entries (chain, sequence)',
  'create index on hexabase.audit_entries (person_id, created_at desc) where person_id is not null',
  `create index on hexabase.audit_entries using gin (seen_by) where seen_by <> '{}'`,
  'create index on hexabase.audit_entries (workspace_id, created_at desc) where workspace_id is not null',
];

const mine = `organization_id = any (${scopeOrganizations})`;

/** Requests add and read; the chainer gives an entry its place once; nobody changes or removes one. */
const onlyGrows = [
  'drop policy hexabase_api on hexabase.audit_entries',
  `create policy hexabase_api on hexabase.audit_entries to hexabase_api
     using (${mine} or person_id = ${scopeUser} or seen_by && ${scopeOrganizations})
     with check (${mine} or (organization_id is null and coalesce(person_id, ${scopeUser}) = ${scopeUser} and seen_by = '{}'))`,
  'drop policy hexabase_worker on hexabase.audit_entries',
  'create policy hexabase_worker on hexabase.audit_entries for select to hexabase_worker using (true)',
  'create policy hexabase_worker_adds on hexabase.audit_entries for insert to hexabase_worker with check (sequence is null)',
  `create policy hexabase_worker_chains on hexabase.audit_entries for update to hexabase_worker
     using (sequence is null) with check (sequence is not null)`,
];

/** How long entries are kept, and where a chain begins whose oldest entries are gone. */
const retention = [
  'alter table hexabase.plans add column audit_days integer not null default 90 check (audit_days between 1 and 3650)',
  `update hexabase.plans set audit_days = case name when 'starter' then 30 when 'pro' then 180 else 730 end`,
  `create table hexabase.audit_checkpoints (
     chain text primary key,
     sequence bigint not null,
     hash text not null,
     signed_at timestamptz not null,
     signature text not null
   )`,
  ...internalTable('audit_checkpoints', { worker: 'select, insert, update' }),
  `create function hexabase.audit_cutoff(of_chain text) returns timestamptz
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select now() - make_interval(days => coalesce(
         (select p.audit_days from organizations o join plans p on p.name = o.plan where o.id = of_chain), 365))
     $$`,
  // The time is compared here once more: not even a forged checkpoint removes what is too young to go.
  `create function hexabase.prune_audit(of_chain text) returns bigint
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     declare removed bigint;
     begin
       delete from audit_entries e using audit_checkpoints c
         where e.chain = of_chain and c.chain = of_chain and e.sequence <= c.sequence
           and e.created_at < audit_cutoff(of_chain);
       get diagnostics removed = row_count;
       return removed;
     end $$`,
  ...['audit_cutoff(text)', 'prune_audit(text)'].flatMap((signature) => [
    `revoke all on function hexabase.${signature} from public`,
    `grant execute on function hexabase.${signature} to hexabase_worker`,
  ]),
];

export const up = [...columns, ...onlyGrows, ...retention];

export const down = [
  'drop function hexabase.prune_audit(text)',
  'drop function hexabase.audit_cutoff(text)',
  'drop table hexabase.audit_checkpoints',
  'alter table hexabase.plans drop column audit_days',
  'drop policy hexabase_worker_chains on hexabase.audit_entries',
  'drop policy hexabase_worker_adds on hexabase.audit_entries',
  'drop policy hexabase_worker on hexabase.audit_entries',
  'create policy hexabase_worker on hexabase.audit_entries to hexabase_worker using (true) with check (true)',
  'drop policy hexabase_api on hexabase.audit_entries',
  `create policy hexabase_api on hexabase.audit_entries to hexabase_api
     using (${mine}) with check (organization_id is null or ${mine})`,
  'drop index hexabase.audit_entries_sequence',
  'alter table hexabase.audit_entries alter column created_at set default now()',
  `alter table hexabase.audit_entries drop column chain, drop column version, drop column person_id,
     drop column seen_by, drop column workspace_id, drop column address, drop column agent, drop column access_grant_id`,
  "create unique index audit_entries_sequence on hexabase.audit_entries (coalesce(organization_id, ''), sequence)",
];
