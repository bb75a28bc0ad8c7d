/**
 * All tables, for Kysely. Each owner of a table adds it by declaration merging beside the SQL that uses it:
 * `declare module '@hexabase/postgres/schema.ts' { interface Schema { projects: ProjectTable } }`.
 */
export interface Schema {}
