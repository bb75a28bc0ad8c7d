import { internalTable } from './helpers/tenant-table.ts';

/**
 * The buckets of the rate limits, which all replicas take from. Unlogged: after a crash of PostgreSQL they are full, and
 * nothing is written ahead for requests. Its clock is the only one, so that those of replicas may differ.
 */
export const up = [
  `create unlogged table hexabase.request_buckets (
     key text primary key,
     tokens float8 not null,
     at timestamptz not null
   )`,
  'create index on hexabase.request_buckets (at)',
  ...internalTable('request_buckets', { identity: 'select, insert, update, delete' }),
  // What is owed was let through and is taken in any case, down to one empty bucket's worth of debt; what is wanted only as far
  // as it is there. In order of the keys, so that two replicas never wait for each other.
  `create function hexabase.book_requests(keys text[], owed float8[], wanted float8[], bursts float8[], rates float8[])
     returns table (key text, granted float8, remaining float8)
     language plpgsql set search_path = hexabase, pg_temp as $$
     #variable_conflict use_column
     declare
       booking record;
       there float8;
       given float8;
     begin
       for booking in
         select * from unnest(keys, owed, wanted, bursts, rates) as b (key, owed, wanted, burst, rate) order by b.key
       loop
         insert into request_buckets (key, tokens, at) values (booking.key, booking.burst, clock_timestamp())
           on conflict do nothing;
         select least(booking.burst, r.tokens
             + greatest(0, extract(epoch from clock_timestamp() - r.at)) * booking.rate) - booking.owed
           into there from request_buckets r where r.key = booking.key for update;
         there := coalesce(there, booking.burst - booking.owed);
         given := greatest(0, least(booking.wanted, floor(there)));
         there := greatest(there - given, -booking.burst);
         update request_buckets r set tokens = there, at = clock_timestamp() where r.key = booking.key;
         return query select booking.key, given, there;
       end loop;
     end $$`,
  'revoke all on function hexabase.book_requests(text[], float8[], float8[], float8[], float8[]) from public',
  'grant execute on function hexabase.book_requests(text[], float8[], float8[], float8[], float8[]) to hexabase_identity',
];

export const down = [
  'drop function hexabase.book_requests(text[], float8[], float8[], float8[], float8[])',
  'drop table hexabase.request_buckets',
];
