import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { kubeconfigFor, serveKubernetes, type ServedKubernetes } from '@hexabase/kubernetes/serve.ts';
import * as z from 'zod';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { isErrno } from '@hexabase/kernel/process/process-identity.ts';
import { createLog } from '../log.ts';

export const kubernetesUsage = `Usage: hks kubernetes serve [--port N] [--token T] [--authorization RBAC|AlwaysAllow] [--nodes N]

Serves one embedded Kubernetes without the product around it, in memory: what is in it is gone when it stops.
Nodes and containers are simulated. Prints a kubeconfig on standard output.

  --port N           default 6443; 0 takes any free one
  --token T          of the administrator; without it one is made
  --authorization    RBAC (default) or AlwaysAllow
  --nodes N          simulated nodes, default 3; 0 leaves pods Pending`;

const options = {
  port: { type: 'string' },
  token: { type: 'string' },
  authorization: { type: 'string' },
  nodes: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const settings = z.object({
  port: z.coerce.number().int().min(0).max(65_535).default(6_443),
  token: z.string().min(1).optional(),
  authorization: z.enum(['RBAC', 'AlwaysAllow']).default('RBAC'),
  nodes: z.coerce.number().int().min(0).max(1_000).default(3),
});

const hosts = ['localhost', '127.0.0.1'];

export interface ServedWithConfig extends AsyncDisposable {
  server: ServedKubernetes;
  kubeconfig: string;
}

/** Starts what the command line asks for; null when it asks for help. Throws `StartError` or a `ZodError`. */
export async function serveCommand(argv: readonly string[]): Promise<ServedWithConfig | null> {
  const { values, positionals } = parse([...argv]);
  if (values.help) return null;
  if (positionals.join(' ') !== 'kubernetes serve') throw new StartError(kubernetesUsage);
  const {
    port,
    authorization,
    nodes,
    token = randomBytes(24).toString('base64url'),
  } = settings.parse(values);
  const authority = makeAuthority(hosts, systemClock.now());
  const certificate = signServer(authority, hosts, systemClock.now());
  const tls = { key: certificate.keyPem, cert: certificate.certPem };
  const server = await listen(port, () =>
    serveKubernetes({ port, token, authorization, nodes, tls, log: createLog('warn') }),
  );
  return {
    server,
    kubeconfig: kubeconfigFor(server, { token, tls: { ...tls, cert: authority.certPem } }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function listen(port: number, start: () => Promise<ServedKubernetes>): Promise<ServedKubernetes> {
  try {
    return await start();
  } catch (error) {
    if (!isErrno(error, 'EADDRINUSE', 'EACCES')) throw error;
    throw new StartError(`Port ${port} cannot be had. Choose another with --port N (0 takes any free one).`);
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${kubernetesUsage}`);
  }
}
