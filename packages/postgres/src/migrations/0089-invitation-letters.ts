import { internalTable } from './helpers/tenant-table.ts';

/** How many letters went to an address, from an account and from an organization; whose, is kept as a hash. */
const letterCounts = [
  `create table hexabase.letter_counts (
     key text primary key,
     letters integer not null,
     until timestamptz not null
   )`,
  'create index on hexabase.letter_counts (until)',
  ...internalTable('letter_counts', {}),
  // The rows are taken in one order, and stay with the transaction: a letter that is not written was not counted.
  `create function hexabase.count_letter(keys text[], most integer[], at timestamptz, lasts interval)
     returns table (key text, waits float8)
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     #variable_conflict use_column
     begin
       delete from letter_counts where key in (
         select c.key from letter_counts c where c.until <= at order by c.until limit 20 for update skip locked);
       return query with counted as (
         insert into letter_counts as c (key, letters, until)
           select k, 1, at + lasts from unnest(keys) k order by k
           on conflict (key) do update set
             letters = case when c.until <= at then 1 else c.letters + 1 end,
             until = case when c.until <= at then at + lasts else c.until end
           returning c.key, c.letters, c.until
         )
         select counted.key, extract(epoch from counted.until - at)::float8
         from counted join unnest(keys, most) as bound(key, most) on bound.key = counted.key
         where counted.letters > bound.most;
     end $$`,
  'revoke all on function hexabase.count_letter(text[], integer[], timestamptz, interval) from public',
  'grant execute on function hexabase.count_letter(text[], integer[], timestamptz, interval) to hexabase_api',
];

/** Also those in which the person is not any more. One request at a time counts for each of them. */
const organizationsMade = [
  'create index on hexabase.organizations (created_by)',
  `create function hexabase.organizations_made_by(person text) returns integer
     language plpgsql security definer set search_path = hexabase, pg_temp as $$
     begin
       perform pg_advisory_xact_lock(hashtextextended('hexabase.organizations ' || person, 0));
       return (select count(*)::integer from organizations o where o.created_by = person);
     end $$`,
  'revoke all on function hexabase.organizations_made_by(text) from public',
  'grant execute on function hexabase.organizations_made_by(text) to hexabase_api',
];

/**
 * An organization that is being deleted keeps nobody from making API tokens elsewhere, second factor or not. It may be
 * restored: what was made so does not reach it then.
 */
const tokensBeside = [
  `alter table hexabase.api_tokens add column withheld text[] not null default '{}'`,
  `create function hexabase.leaving_among(organizations text[], person text) returns text[]
     language sql stable security definer set search_path = hexabase, pg_temp as $$
       select coalesce(array_agg(o.id), '{}') from organizations o join memberships m on m.organization_id = o.id
       where o.id = any (organizations) and m.user_id = person and o.deletion_requested_at is not null
     $$`,
  'revoke all on function hexabase.leaving_among(text[], text) from public',
  'grant execute on function hexabase.leaving_among(text[], text) to hexabase_api',
];

export const up = [...letterCounts, ...organizationsMade, ...tokensBeside];

export const down = [
  'drop function hexabase.leaving_among(text[], text)',
  'alter table hexabase.api_tokens drop column withheld',
  'drop function hexabase.organizations_made_by(text)',
  'drop index hexabase.organizations_created_by_idx',
  'drop function hexabase.count_letter(text[], integer[], timestamptz, interval)',
  'drop table hexabase.letter_counts',
];
