import { runOperator } from './operator/commands.ts';
import { runProgram } from './operator/run-program.ts';

/** `hexabase-cli`: what an operator does beside the API. */
await runProgram('hexabase-cli', async () => {
  const { text, exitCode } = await runOperator(process.argv.slice(2), process.env, process.stdin);
  if (text !== '') process.stdout.write(`${text}\n`);
  return exitCode;
});
