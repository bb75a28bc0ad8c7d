/**
 * All tables, for Kysely. Each owner of a table adds it by declaration merging beside the SQL that uses it:
 * `declare module '@hexabase/postgres/schema.ts' { interface Schema { projects: ProjectTable } }`.
 */
// oxlint-disable-next-line no-empty-interface -- filled by declaration merging
export interface Schema {}
