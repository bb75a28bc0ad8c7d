/** How many tenants are made in advance, by plan, as the server that started last was told; null until one has started. */
export const up = ['alter table hexabase.installation add column warm_pool jsonb'];

export const down = ['alter table hexabase.installation drop column warm_pool'];
