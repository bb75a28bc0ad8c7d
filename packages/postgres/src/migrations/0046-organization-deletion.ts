/** An organization that is being deleted can be restored for a while; background work removes it after that. */
export const up = [
  'alter table hexabase.organizations add column deletion_requested_at timestamptz',
  'alter table hexabase.organizations add column delete_after timestamptz',
  'create index organizations_leaving on hexabase.organizations (delete_after) where delete_after is not null',
  'grant delete, update (delete_after) on hexabase.organizations to hexabase_worker',
];

export const down = [
  'revoke delete, update (delete_after) on hexabase.organizations from hexabase_worker',
  'drop index hexabase.organizations_leaving',
  'alter table hexabase.organizations drop column delete_after',
  'alter table hexabase.organizations drop column deletion_requested_at',
];
