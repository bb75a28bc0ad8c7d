import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { TenantClient } from '@hexabase/cluster/port.ts';
import type { Session, SessionSeen } from './kubectl-worker.ts';
import type { TenantGateway } from './tenant-gateway.ts';

/** What many sessions of kubectl that ran at the same time saw. */
export interface SessionsSeen {
  /** Sessions that ended well with every line in order. */
  whole: number;
  /** What the others said. */
  failures: string[];
  /** Milliseconds between two lines of one session, over all of them. */
  gaps: number[];
  /** The longest silence, less the pause that the pod makes between lines. */
  longestStallMs: number;
}

const linesPerSession = 75;
/** Between the starts of two sessions: fifty processes that start at once on a small machine only measure that. */
const startEveryMs = 150;
const environment = { HOME: '/nonexistent' };
const pauseMs = 200;
const podName = 'talker';
const image = 'docker.io/library/busybox:1.35';
const counting = `i=0; while [ $i -lt ${linesPerSession} ]; do i=$((i+1)); echo $i; sleep ${pauseMs / 1000}; done`;

/** A pod that people can open shells in; `kubectl logs -f` shows a line as often as a shell says one. */
export async function startTalker(tenant: TenantClient): Promise<void> {
  const path = '/api/v1/namespaces/default/pods';
  const command = ['sh', '-c', `while true; do echo line; sleep ${pauseMs / 1000}; done`];
  const container = { name: 'talk', image, imagePullPolicy: 'IfNotPresent', command };
  const body = {
    metadata: { name: podName },
    spec: { terminationGracePeriodSeconds: 0, containers: [container] },
  };
  for (let attempt = 1; ; attempt += 1) {
    // The first service account comes a moment after the API.
    const { status } = await tenant.request({ method: 'POST', path, body });
    if (status === 201 || status === 409) break;
    if (attempt === 60) throw new Error(`the pod was answered with ${status}`);
    await sleep(500);
  }
  for (let attempt = 1; ; attempt += 1) {
    const answer = await tenant.request({ method: 'GET', path: `${path}/${podName}` });
    if (JSON.stringify(answer.body).includes('"ready":true')) return;
    if (attempt === 240) throw new Error('the pod does not run');
    await sleep(500);
  }
}

/**
 * Opens that many sessions at once through the gateway with the tunnel: half are shells (every other one over SPDY), half
 * follow the log, and each listens until it has its lines.
 */
export async function runSessions(
  { urls, authorities, token }: TenantGateway,
  { kubectl, count }: { kubectl: string; count: number },
): Promise<SessionsSeen> {
  const dir = await mkdtemp(join(tmpdir(), 'hks-sessions-'));
  await writeFile(join(dir, 'ca.pem'), authorities.gateway);
  const door = [
    '--kubeconfig=/dev/null',
    `--cache-dir=${join(dir, 'cache')}`,
    `--certificate-authority=${join(dir, 'ca.pem')}`,
    `--token=${token}`,
    `--server=${urls.tunnel}`,
  ];
  const session = (index: number): Session => {
    const shell = index % 2 === 0;
    const args = shell ? ['exec', podName, '--', 'sh', '-c', counting] : ['logs', '-f', '--tail=1', podName];
    return {
      kubectl,
      args: [...door, ...args],
      env: { ...environment, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(index % 4 === 0) },
      startAfterMs: index * startEveryMs,
      lines: Array.from({ length: linesPerSession }, (_, line) => (shell ? String(line + 1) : 'line')),
      endless: !shell,
    };
  };
  try {
    // Fifty that ask for all of the API's resources at once would measure that, and not sessions.
    await promisify(execFile)(kubectl, [...door, 'api-resources'], { env: environment, timeout: 60_000 });
    const workerData = Array.from({ length: count }, (_, index) => session(index));
    const worker = new Worker(new URL('./kubectl-worker.ts', import.meta.url), { workerData });
    const all = await new Promise<SessionSeen[]>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    const gaps = all.flatMap((one) => one.gaps);
    return {
      whole: all.filter(({ failure }) => failure === null).length,
      failures: all.flatMap(({ failure }) => failure ?? []),
      gaps,
      longestStallMs: Math.max(0, ...gaps) - pauseMs,
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
