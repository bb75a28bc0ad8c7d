import { readFileSync } from 'node:fs';
import type { Kubectl } from '../kubectl.ts';
import { readRunning } from '../processes.ts';
import { waitUntil } from '../run-program.ts';

/**
 * Stops the kubelet of a node in the middle of what it does, as when a machine hangs: its containers run on, and nobody
 * answers for them. Disposing lets it go on and waits until the node is ready again.
 */
export function silenceKubelet(node: string, kubectl: Kubectl): AsyncDisposable {
  const started = readRunning()?.processes.find(({ name }) => name === `${node}-kubelet`);
  if (started === undefined) throw new Error(`there is no kubelet of ${node}`);
  // It runs as the child of the program that went into the node's namespaces, which stops and goes on with it.
  const children = readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, 'utf8');
  const processes = [...children.trim().split(' ').map(Number), started.pid];
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of processes) process.kill(pid, name);
  };
  signal('SIGSTOP');
  return {
    async [Symbol.asyncDispose]() {
      signal('SIGCONT');
      const ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
      await waitUntil(
        `node ${node}`,
        90,
        async () => (await kubectl(['get', 'node', node, '-o', ready])) === 'True',
      );
    },
  };
}
