import { withFreshDatabase } from './fresh-database.ts';
import { dumpSchema } from './schema-catalog.ts';

/** `docs/generated/schema.sql`: what the migrations make, read back from a database that they made. */
export function schemaText(): Promise<string> {
  return withFreshDatabase(
    async (query) => `-- Made by the migrations; for reading, not for running.\n\n${await dumpSchema(query)}`,
  );
}
