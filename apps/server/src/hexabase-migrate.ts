import { runMigrate } from './migrate/commands.ts';
import { runProgram } from './operator/run-program.ts';

/** `hexabase-migrate`: the schema of the database, up and down. */
await runProgram('hexabase-migrate', async () => {
  process.stdout.write(`${await runMigrate(process.argv.slice(2), process.env)}\n`);
  return 0;
});
