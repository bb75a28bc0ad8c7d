/** What runs a tenant that was made in advance, and since when one that was ready is not. */
export const up = [
  `alter table hexabase.pool_members add column release text, add column unready_since timestamptz`,
];

export const down = ['alter table hexabase.pool_members drop column release, drop column unready_since'];
