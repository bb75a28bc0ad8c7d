import { join } from 'node:path';
import { applyObjects } from '../kubectl.ts';
import { startProcess, type Running } from '../processes.ts';
import { waitUntil } from '../run-program.ts';
import { kwokCommand } from './command-lines.ts';
import type { ControlPlane } from './control-plane.ts';

export interface FakeNodes {
  count: number;
  /** Beside real nodes nothing lands on a fake one that does not ask for it. */
  besideRealOnes: boolean;
}

/** Adds nodes by KWOK: their pods become Running, have no containers, no logs and no exec; those of Jobs succeed. */
export async function startFakeNodes(
  running: Running,
  { kubectl, credentials }: ControlPlane,
  { count, besideRealOnes }: FakeNodes,
): Promise<void> {
  const stages = join(import.meta.dirname, 'kwok-stages.yaml');
  startProcess(running, 'kwok', kwokCommand(credentials.folder, stages));
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  await applyObjects(
    kubectl,
    numbers.map((number) => fakeNode(`kwok${number}`, besideRealOnes)),
  );
  await waitUntil('fake nodes', 60, async () => {
    const status = "{range .items[*]}{.status.conditions[?(@.type=='Ready')].status} {end}";
    const answer = await kubectl(['get', 'nodes', '-l', 'type=kwok', '-o', `jsonpath=${status}`]);
    return answer.split('True').length - 1 === count;
  });
}

function fakeNode(name: string, tainted: boolean): object {
  const resources = { cpu: '32', memory: '256Gi', pods: '250', 'ephemeral-storage': '1Ti' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        type: 'kwok',
      },
    },
    spec: tainted ? { taints: [{ key: 'kwok', value: 'true', effect: 'NoSchedule' }] } : {},
    status: { allocatable: resources, capacity: resources },
  };
}
