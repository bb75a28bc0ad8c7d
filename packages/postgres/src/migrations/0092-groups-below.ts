/**
 * Whoever asks for the groups below one reads those and no others. Row-level security asks for the organization too: without
 * statistics PostgreSQL would take the index of that alone, and read all of its groups for each. The second index is for
 * the foreign key, when a group goes.
 */
export const up = [
  'create index groups_below on hexabase.groups (organization_id, parent_id)',
  'drop index hexabase.groups_organization_id_idx',
  'create index groups_parent on hexabase.groups (parent_id)',
];

export const down = [
  'create index groups_organization_id_idx on hexabase.groups (organization_id)',
  'drop index hexabase.groups_below',
  'drop index hexabase.groups_parent',
];
