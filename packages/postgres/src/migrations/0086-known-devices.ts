import { internalTable } from './helpers/tenant-table.ts';

/**
 * Devices that have signed in before: what they hold says so by itself. Here is what makes all that an account gave out
 * worthless at once, and how often each of them was wrong.
 */
export const up = [
  'alter table hexabase.users add column device_epoch bigint not null default 0',
  `create table hexabase.device_tries (
     id text primary key,
     failures integer not null,
     last_at timestamptz not null
   )`,
  'create index on hexabase.device_tries (last_at)',
  ...internalTable('device_tries', { identity: 'select, insert, update, delete' }),
];

export const down = [
  'drop table hexabase.device_tries',
  'alter table hexabase.users drop column device_epoch',
];
