import type { Container, Pod } from '../objects.ts';
import { behaviourOf } from './behaviour.ts';

/** One line of a simulated log. */
export interface LogLine {
  atMs: number;
  text: string;
}

/** One run of a container, from start to end (undefined while it runs). */
export interface ContainerLife {
  pod: Pod;
  container: Container;
  isInit: boolean;
  startMs: number;
  end?: { atMs: number; exitCode: number; reason: string };
}

interface Talker {
  image: RegExp;
  everyMs: number;
  line(life: ContainerLife, index: number, atMs: number): string;
}

/** What kinds of images say while they run; the first that fits, the last fits all. */
const TALKERS: readonly Talker[] = [
  {
    image: /nginx|httpd|apache|caddy|traefik|podinfo|whoami|hello-app|http-echo/,
    everyMs: 15_000,
    line: accessLine,
  },
  {
    image: /postgres|mysql|mariadb|redis|mongo/,
    everyMs: 300_000,
    line: (_life, index) => `checkpoint ${index} complete (simulated)`,
  },
  { image: /./, everyMs: 60_000, line: (_life, index) => `simulated container is up for ${index} min` },
];

/**
 * The lines of a run between two times, oldest first, and when the next one comes. Lines follow from the pod and the time
 * alone, so asking twice gives the same text. At most `max` of the newest are given.
 */
export function linesBetween(
  life: ContainerLife,
  range: { fromMs: number; toMs: number; max: number },
): LogLine[] {
  const endMs = Math.min(range.toMs, life.end?.atMs ?? Infinity);
  const { first, everyMs } = periodic(life);
  const last = everyMs === 0 ? 0 : Math.floor((endMs - life.startMs) / everyMs);
  const earliest =
    everyMs === 0 ? 1 : Math.max(1, Math.ceil((range.fromMs - life.startMs) / everyMs), last - range.max + 1);
  const lines = opening(life);
  for (let index = earliest; index <= last; index++) {
    const atMs = life.startMs + index * everyMs;
    lines.push({ atMs, text: first.line(life, index, atMs) });
  }
  lines.push(...closing(life));
  return lines
    .filter(({ atMs }) => atMs >= range.fromMs && atMs <= range.toMs)
    .slice(-Math.max(0, range.max));
}

/** When a running container says something again after `afterMs`; undefined when it stays silent. */
export function nextLineMs(life: ContainerLife, afterMs: number): number | undefined {
  const { everyMs } = periodic(life);
  return everyMs === 0
    ? undefined
    : life.startMs + (Math.floor((afterMs - life.startMs) / everyMs) + 1) * everyMs;
}

function periodic({ pod, container, isInit }: ContainerLife): { first: Talker; everyMs: number } {
  const image = container.image ?? '';
  const first = TALKERS.find((talker) => talker.image.test(image)) ?? {
    image: /./,
    everyMs: 0,
    line: () => '',
  };
  return { first, everyMs: behaviourOf(pod, container, isInit).kind === 'runs' ? first.everyMs : 0 };
}

function opening({ pod, container, isInit, startMs }: ContainerLife): LogLine[] {
  const behaviour = behaviourOf(pod, container, isInit);
  const notice = `[simulated] container "${container.name}" of image ${container.image ?? ''}: nothing runs here, these lines are made up`;
  const output = behaviour.kind === 'ends' ? behaviour.output : [];
  return [notice, ...output].map((text) => ({ atMs: startMs, text }));
}

function closing({ end }: ContainerLife): LogLine[] {
  if (!end || end.exitCode === 0) return [];
  return [{ atMs: end.atMs, text: `[simulated] ended with exit code ${end.exitCode} (${end.reason})` }];
}

const PATHS = ['/', '/healthz', '/index.html', '/favicon.ico', '/api/status'];

function accessLine({ pod }: ContainerLife, index: number, atMs: number): string {
  const seed = mix(pod.metadata.uid, index);
  const path = PATHS[seed % PATHS.length] ?? '/';
  const time = new Date(atMs).toUTCString().replace(/^\w+, (\d+) (\w+) (\d+) (.+) GMT$/, '$1/$2/$3:$4 +0000');
  const status = path === '/favicon.ico' ? 404 : 200;
  return `10.244.0.${(seed % 250) + 2} - - [${time}] "GET ${path} HTTP/1.1" ${status} ${100 + (seed % 4000)} "-" "simulated"`;
}

function mix(text: string, index: number): number {
  let hash = 0x811c9dc5 ^ index;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}
