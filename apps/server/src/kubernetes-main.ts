import { kubernetesUsage, serveCommand } from './kubernetes/serve-command.ts';
import { runProgram } from './operator/run-program.ts';

/** `hks kubernetes serve`: an embedded Kubernetes and nothing else, until it is interrupted. */
await runProgram('hks', async () => {
  await using served = await serveCommand(process.argv.slice(2));
  if (!served) {
    process.stdout.write(`${kubernetesUsage}\n`);
    return 0;
  }
  process.stdout.write(served.kubeconfig);
  process.stderr.write(
    `Kubernetes (simulated nodes, kept in memory) answers at ${served.server.url}; Ctrl-C stops it.\n`,
  );
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  return 0;
});
