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

/**
 * Which release of charts, images and values is to run a control plane, and which one is proven to: settings that change
 * change nothing that runs, until a roll-out brings it. What was put back is not tried again.
 */
const releases = [
  'alter table hexabase.workspaces add column release text, add column settled_release text, add column refused_release text',
];

export const up = [...copies, ...releases];

export const down = [
  'alter table hexabase.workspaces drop column release, drop column settled_release, drop column refused_release',
  'drop table hexabase.workspace_copy_parts',
  'delete from hexabase.workspace_copies',
  `alter table hexabase.workspace_copies drop column revision, drop column parts, drop column refusals,
     add column sealed text not null`,
];
