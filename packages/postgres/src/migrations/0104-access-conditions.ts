/**
 * How the mirror of roles in a workspace's cluster stands. It has columns of its own, with a fence of its own, since two
 * reconcilers work on one workspace at the same time and each writes its conditions whole.
 */
export const up = [
  `alter table hexabase.workspaces
     add column access_conditions jsonb not null default '[]', add column access_fence bigint not null default 0`,
];

export const down = [
  'alter table hexabase.workspaces drop column access_conditions, drop column access_fence',
];
