import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TenantClient } from '@hexabase/cluster/port.ts';
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
  const session = async (index: number) => {
    await sleep(index * startEveryMs);
    const shell = index % 2 === 0;
    const args = shell ? ['exec', podName, '--', 'sh', '-c', counting] : ['logs', '-f', '--tail=1', podName];
    const webSockets = index % 4 === 0 ? 'true' : 'false';
    return listen({ kubectl, args: [...door, ...args], webSockets, numbered: shell });
  };
  try {
    // Fifty that ask for all of the API's resources at once would measure that, and not sessions.
    await promisify(execFile)(kubectl, [...door, 'api-resources'], { env: environment, timeout: 60_000 });
    const all = await Promise.all(Array.from({ length: count }, (_, index) => session(index)));
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

interface Listening {
  kubectl: string;
  args: string[];
  webSockets: string;
  /** Lines are `1`, `2`, …; none may be missing. */
  numbered: boolean;
}

/** One process of kubectl until it has said all lines. */
function listen(of: Listening): Promise<{ gaps: number[]; failure: string | null }> {
  const child = spawn(of.kubectl, of.args, {
    env: { ...environment, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: of.webSockets },
    timeout: 150_000,
  });
  const gaps: number[] = [];
  let lines: string[] = [];
  let rest = '';
  let errors = '';
  let before: number | null = null;
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  child.stdout.on('data', (chunk) => {
    const now = performance.now();
    if (before !== null) gaps.push(now - before);
    before = now;
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    lines = [...lines, ...parts];
    if (!of.numbered && lines.length >= linesPerSession) child.kill();
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ gaps, failure: error.message }));
    child.once('close', () => {
      const wanted = Array.from({ length: linesPerSession }, (_, index) =>
        of.numbered ? String(index + 1) : 'line',
      );
      const whole = lines.slice(0, linesPerSession).join() === wanted.join();
      const failure = `${lines.length} lines of ${linesPerSession}: ${errors.trim().slice(0, 300)}`;
      resolve({ gaps, failure: whole ? null : failure });
    });
  });
}
