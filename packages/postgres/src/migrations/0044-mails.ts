import { scopeOrganizations, tenantTable } from './helpers/tenant-table.ts';

/** Letters to people. Requests write them and cannot read them back; the text goes when a letter has left. */
export const up = [
  `create table hexabase.mails (
     id text primary key,
     organization_id text,
     kind text not null,
     recipient text not null,
     subject text not null,
     text_sealed text,
     created_at timestamptz not null,
     sent_at timestamptz,
     attempts integer not null default 0,
     next_attempt_at timestamptz,
     last_error text
   )`,
  'create index mails_due on hexabase.mails (next_attempt_at) where next_attempt_at is not null',
  'create index on hexabase.mails (created_at desc)',
  ...tenantTable('mails', {
    visible: 'false',
    writable: `organization_id is null or organization_id = any (${scopeOrganizations})`,
    grants: { api: 'insert', worker: 'select, update, delete', identity: 'insert' },
  }),
];

export const down = ['drop table hexabase.mails'];
