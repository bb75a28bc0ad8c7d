import { internalTable } from './helpers/tenant-table.ts';

/** What a workspace was cloned from, for people: they see it for as long as the workspace lives. */
const workspaces = ['alter table hexabase.workspaces add column clone jsonb'];

/**
 * What was read of the source, while it is being written into the clone. It holds secrets: AES-256-GCM ciphertext under
 * the master key, bound to its row; only background work sees the table, and the row goes when the clone is ready.
 */
const copies = [
  `create table hexabase.workspace_copies (
     workspace_id text primary key references hexabase.workspaces on delete cascade,
     sealed text not null,
     written integer not null default 0
   )`,
  ...internalTable('workspace_copies', { worker: 'select, insert, update, delete' }),
];

export const up = [...workspaces, ...copies];

export const down = [
  'drop table hexabase.workspace_copies',
  'alter table hexabase.workspaces drop column clone',
];
