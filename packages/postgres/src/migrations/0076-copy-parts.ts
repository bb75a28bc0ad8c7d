import { internalTable } from './helpers/tenant-table.ts';

/**
 * What was read of a source lies in parts, each sealed by itself: writing one needs no other. What was kept in one piece
 * cannot be taken apart without the master key: a clone that is under way says so and is made again.
 */
const copies = [
  'delete from hexabase.workspace_copies',
  `alter table hexabase.workspace_copies drop column sealed,
     add column revision text not null,
     add column parts integer not null,
     add column refusals integer not null default 0`,
  `create table hexabase.workspace_copy_parts (
     workspace_id text not null references hexabase.workspace_copies on delete cascade,
     part integer not null,
     sealed text not null,
     primary key (workspace_id, part)
   )`,
  ...internalTable('workspace_copy_parts', { worker: 'select, insert, delete' }),
];

export const up = copies;

export const down = [
  'drop table hexabase.workspace_copy_parts',
  'delete from hexabase.workspace_copies',
  `alter table hexabase.workspace_copies drop column revision, drop column parts, drop column refusals,
     add column sealed text not null`,
];
