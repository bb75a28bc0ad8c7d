import { join } from 'node:path';
import { runProgram } from './run-program.ts';
import { folders } from './settings.ts';

/** Runs kubectl with the administrator's kubeconfig; answers what it wrote. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>;

export function createKubectl(kubeconfig: string): Kubectl {
  return (args, input = '') =>
    runProgram(join(folders.binaries, 'kubectl'), ['--kubeconfig', kubeconfig, ...args], {
      input,
      // Its cache of discovery would land in the home folder.
      env: { ...process.env, KUBECACHEDIR: join(folders.run, 'kubectl-cache') },
    });
}

/** Server-side apply of objects. */
export async function applyObjects(kubectl: Kubectl, objects: readonly object[]): Promise<void> {
  await kubectl(
    ['apply', '--server-side', '--force-conflicts', '--field-manager=hostcluster', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  );
}
