import type { Container, Pod } from '../objects.ts';
import { controllerOf } from '../controllers/shared/owners.ts';

/**
 * How a simulated container behaves. No container ever runs: the outcome follows from annotations of the pod and from
 * commands simple enough to be understood.
 *
 * Annotations, each also as `<annotation>.<container name>` for one container:
 * - `simulation.kubernetes.embedded/exit-code`: ends with this code (with `run-seconds`, default 1)
 * - `simulation.kubernetes.embedded/run-seconds`: how long it runs before it ends
 * - `simulation.kubernetes.embedded/crash`: `true`, or `OOMKilled`: ends with 1 or 137 shortly after each start
 * - `simulation.kubernetes.embedded/ready-after-seconds`: how long after its start it becomes ready; `never`
 * - `simulation.kubernetes.embedded/pull-error`: any text: pulling its image fails with that text
 *
 * Commands (also as argument of `sh -c`, joined with `;` or `&&`): `true`, `false`, `exit N`, `sleep N`, `echo …`,
 * `printf …`, `date`. Containers of Jobs and init containers with other commands end with 0 after a second; all others
 * run until they are stopped.
 */
export const ANNOTATION_PREFIX = 'simulation.kubernetes.embedded/';

export type Behaviour =
  | { kind: 'runs' }
  | {
      kind: 'ends';
      afterMs: number;
      exitCode: number;
      reason: 'Completed' | 'Error' | 'OOMKilled';
      output: readonly string[];
    };

const SHORT_RUN_MS = 1000;
const CRASH_MS = 500;

export function behaviourOf(pod: Pod, container: Container, isInit: boolean): Behaviour {
  const crash = setting(pod, container, 'crash');
  if (crash === 'OOMKilled')
    return { kind: 'ends', afterMs: CRASH_MS, exitCode: 137, reason: 'OOMKilled', output: [] };
  if (crash !== undefined && crash !== 'false') return ended(1, CRASH_MS, ['simulated crash']);
  const code = seconds(setting(pod, container, 'exit-code'));
  const run = seconds(setting(pod, container, 'run-seconds'));
  if (code !== undefined || run !== undefined)
    return ended(code ?? 0, run === undefined ? SHORT_RUN_MS : run * 1000, []);
  const script = interpret([
    ...(container.command ?? []),
    ...(container.command ? (container.args ?? []) : shellArgs(container)),
  ]);
  if (script) return script;
  if (/(^|\/)hello-world(:|$)/.test(container.image ?? ''))
    return ended(0, CRASH_MS, ['Hello from a simulated container!']);
  const isSidecar = isInit && container.restartPolicy === 'Always';
  const ends = (isInit && !isSidecar) || (!isInit && controllerOf(pod)?.kind === 'Job');
  return ends ? ended(0, SHORT_RUN_MS, []) : { kind: 'runs' };
}

/** Milliseconds from start to ready (probes and annotation); null when it never becomes ready. */
export function readyAfterMs(pod: Pod, container: Container): number | null {
  const told = setting(pod, container, 'ready-after-seconds');
  if (told === 'never') return null;
  const startup = probeDelay(container.startupProbe);
  return (seconds(told) ?? startup + probeDelay(container.readinessProbe)) * 1000;
}

/** The error text that an annotation wants for pulling the image. */
export function pullError(pod: Pod, container: Container): string | undefined {
  return setting(pod, container, 'pull-error');
}

function probeDelay(probe: Container['readinessProbe']): number {
  return probe ? (probe.initialDelaySeconds ?? 0) : 0;
}

function setting(pod: Pod, container: Container, name: string): string | undefined {
  const annotations = pod.metadata.annotations;
  return (
    annotations?.[`${ANNOTATION_PREFIX}${name}.${container.name}`] ??
    annotations?.[`${ANNOTATION_PREFIX}${name}`]
  );
}

function seconds(text: string | undefined): number | undefined {
  const value = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

function ended(exitCode: number, afterMs: number, output: readonly string[]): Behaviour {
  return { kind: 'ends', afterMs, exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', output };
}

/** Images of shells run their arguments; `kubectl run x --image=busybox -- echo hi` gives only arguments. */
function shellArgs(container: Container): string[] {
  return /(^|\/)(busybox|alpine|bash|debian|ubuntu)(:|@|$)/.test(container.image ?? '')
    ? (container.args ?? [])
    : [];
}

function interpret(command: readonly string[]): Behaviour | undefined {
  const [program = '', flag = '', script] = command;
  const isShell =
    /^(\/bin\/|\/usr\/bin\/)?(sh|bash|ash)$/.test(program) && /^-\w*c$/.test(flag) && script !== undefined;
  const lines = isShell ? script.split(/;|&&|\n/).map((line) => words(line)) : [command];
  const output: string[] = [];
  let totalMs = 0;
  let last = 0;
  for (const line of lines.filter((parts) => parts.length > 0)) {
    const outcome = runWord(line, output);
    if (!outcome) return undefined;
    if (outcome.sleepMs === Infinity) return { kind: 'runs' };
    totalMs += outcome.sleepMs;
    last = outcome.code;
    if (outcome.exits) break;
  }
  return command.length === 0 ? undefined : ended(last, Math.max(totalMs, CRASH_MS), output);
}

function runWord(
  line: readonly string[],
  output: string[],
): { sleepMs: number; code: number; exits: boolean } | undefined {
  const [program = '', ...rest] = line;
  switch (program.replace(/^.*\//, '')) {
    case 'true':
    case 'set':
    case ':':
      return { sleepMs: 0, code: 0, exits: false };
    case 'false':
      return { sleepMs: 0, code: 1, exits: false };
    case 'exit':
      return { sleepMs: 0, code: Number.parseInt(rest[0] ?? '0', 10) & 255, exits: true };
    case 'sleep':
      return { sleepMs: sleepMs(rest[0] ?? '0'), code: 0, exits: false };
    case 'echo':
    case 'printf':
      if (rest.some((word) => /[`$|<>]/.test(word))) return undefined;
      output.push(
        rest
          .filter((word) => word !== '-e' && word !== '-n')
          .join(' ')
          .replace(/\\n$/, ''),
      );
      return { sleepMs: 0, code: 0, exits: false };
    case 'date':
      output.push('(simulated date)');
      return { sleepMs: 0, code: 0, exits: false };
    default:
      return undefined;
  }
}

function sleepMs(text: string): number {
  if (text === 'infinity' || text === 'inf') return Infinity;
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  const factor = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }[match?.[2] ?? ''] ?? 1;
  return Number(match?.[1] ?? 0) * factor * 1000;
}

function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
}
