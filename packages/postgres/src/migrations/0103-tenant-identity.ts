/**
 * Which tenant a workspace has, and whose contents: a tenant that is not there any more, or has become empty, is then told as
 * a loss, and is no longer taken for one that is still to be made.
 */
export const up = [
  `alter table hexabase.workspaces
     add column tenant_uid text, add column content_uid text, add column content_lost_at timestamptz`,
];

export const down = [
  'alter table hexabase.workspaces drop column tenant_uid, drop column content_uid, drop column content_lost_at',
];
