import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { kubeconfigFor, serveKubernetes } from '@hexabase/kubernetes/serve.ts';

/** Path of the kubectl to test with; the tests that need it are skipped and counted as such without. */
export const kubectlPath = process.env['HKS_TEST_KUBECTL'] ?? '';

/** Path of the helm to test with: the one that the package of kubectl brings along, or another one that is named. */
export const helmPath = process.env['HKS_TEST_HELM'] ?? helmBeside(kubectlPath);

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** One cluster behind TLS and a kubectl that is its administrator. */
export interface KubectlCluster extends AsyncDisposable {
  /** Runs `kubectl` with arguments split at spaces; `input` goes to standard input. Never throws. */
  run(command: string | string[], input?: string): Promise<Outcome>;
  /** The standard output; throws when kubectl fails. */
  ok(command: string | string[], input?: string): Promise<string>;
  /** The standard error; throws when kubectl succeeds. */
  fails(command: string | string[], input?: string): Promise<string>;
  /** Runs helm in a folder of its own; answers the standard output, throws when it fails. */
  helm(command: string): Promise<string>;
}

const timeoutMs = 40_000;
const user = { username: 'jane', groups: ['system:authenticated'] };

export async function startKubectlCluster(): Promise<KubectlCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'kubectl-'));
  const authority = await makeAuthority(['127.0.0.1'], Date.now());
  const { certPem, keyPem } = await signServer(authority, ['127.0.0.1'], Date.now());
  const served = await serveKubernetes({
    port: 0,
    token: 'administrator',
    authorization: 'RBAC',
    nodes: 2,
    timeScale: 0.1,
    users: { jane: user },
    tls: { key: keyPem, cert: certPem },
  });
  const kubeconfig = join(folder, 'config');
  await writeFile(
    kubeconfig,
    kubeconfigFor(served, { token: 'administrator', tls: { key: keyPem, cert: authority.certPem } }),
  );
  const environment = { HOME: folder, PATH: '/usr/bin:/bin', KUBECONFIG: kubeconfig, NO_COLOR: '1' };

  function run(command: string | string[], input?: string): Promise<Outcome> {
    return runProgram(kubectlPath, { command, input });
  }

  function runProgram(
    program: string,
    { command, input }: { command: string | string[]; input?: string | undefined },
  ): Promise<Outcome> {
    const given = typeof command === 'string' ? command.split(' ') : command;
    return new Promise((resolve) => {
      const child = execFile(
        program,
        given,
        { cwd: folder, env: environment, timeout: timeoutMs, maxBuffer: 64 << 20 },
        (error, stdout, stderr) => {
          resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr });
        },
      );
      child.stdin?.end(input ?? '');
    });
  }

  return {
    run,
    async ok(command, input) {
      const { code, stdout, stderr } = await run(command, input);
      if (code !== 0) throw new Error(`kubectl ${String(command)} failed: ${stderr}`);
      return stdout;
    },
    async fails(command, input) {
      const { code, stdout, stderr } = await run(command, input);
      if (code === 0) throw new Error(`kubectl ${String(command)} succeeded: ${stdout}`);
      return stderr;
    },
    async helm(command) {
      const { code, stdout, stderr } = await runProgram(helmPath, { command });
      if (code !== 0) throw new Error(`helm ${command} failed: ${stdout}${stderr}`);
      return stdout;
    },
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function helmBeside(kubectl: string): string {
  const path = join(dirname(kubectl), 'helm');
  return existsSync(path) ? path : '';
}
