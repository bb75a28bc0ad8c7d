import { StatusError, type StatusCause } from '../../api/status-error.ts';
import type { KubeObject } from '../../types.ts';
import { baseline } from './baseline.ts';
import type { CheckedPod, Violation } from './containers.ts';
import { restricted } from './restricted.ts';

/** A level of the Pod Security Standards at a version: `restricted:latest`. */
export interface Policy {
  level: Level;
  version: string;
}

type Level = 'privileged' | 'baseline' | 'restricted';

const prefix = 'pod-security.kubernetes.io/';
const levels: readonly Level[] = ['privileged', 'baseline', 'restricted'];
const replaced: ReadonlySet<string> = new Set(restricted.flatMap(([, , replaces]) => replaces ?? []));

/** What a pod breaks at a level: the mild rules first. All versions are judged by the newest rules. */
export function violations(pod: CheckedPod, level: Level): Violation[] {
  if (level === 'privileged') return [];
  if (level === 'baseline') return baseline.flatMap(([, check]) => check(pod) ?? []);
  const mild = baseline.filter(([id]) => !replaced.has(id));
  return [...mild, ...restricted].flatMap(([, check]) => check(pod) ?? []);
}

/** `privileged (container "c" must not …), host namespaces (…)`. */
export function describe(found: readonly Violation[]): string {
  return found.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
}

/** `baseline:latest`. */
export function policyText({ level, version }: Policy): string {
  return `${level}:${version}`;
}

/** What a namespace's labels ask for. An unreadable level is the strictest for `enforce` and none for `warn`. */
export function policiesOf(namespace: KubeObject): { enforce: Policy; warn: Policy } {
  const labels = namespace.metadata.labels ?? {};
  const levelOf = (mode: string) => levels.find((level) => level === labels[`${prefix}${mode}`]);
  const versionOf = (mode: string) => {
    const version = labels[`${prefix}${mode}-version`];
    return version !== undefined && isVersion(version) ? version : undefined;
  };
  const enforced = levelOf('enforce');
  const isUnreadable = enforced === undefined && labels[`${prefix}enforce`] !== undefined;
  const enforce = {
    level: enforced ?? (isUnreadable ? 'restricted' : 'privileged'),
    version: versionOf('enforce') ?? 'latest',
  } as const;
  // Without a label of its own, `warn` follows `enforce`, so that workloads are warned about what their pods will meet.
  const follows = labels[`${prefix}warn`] === undefined && enforced !== undefined;
  const own = { level: levelOf('warn') ?? 'privileged', version: versionOf('warn') ?? 'latest' } as const;
  return {
    enforce,
    warn: follows ? { level: enforced, version: versionOf('warn') ?? enforce.version } : own,
  };
}

/** Refuses a namespace whose labels name no level or version, with 422. */
export function checkLabels(namespace: KubeObject): void {
  const causes = ['enforce', 'audit', 'warn'].flatMap((mode) => [
    ...labelProblem(namespace, mode, (value) =>
      levels.some((level) => level === value) ? '' : 'must be one of privileged, baseline, restricted',
    ),
    ...labelProblem(namespace, `${mode}-version`, (value) =>
      isVersion(value) ? '' : 'must be "latest" or "v1.x"',
    ),
  ]);
  if (causes.length === 0) return;
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = texts.length === 1 ? texts.join('') : `[${texts.join(', ')}]`;
  const { name } = namespace.metadata;
  const message = `Namespace ${JSON.stringify(name)} is invalid: ${list}`;
  throw new StatusError(422, 'Invalid', { message, details: { name, kind: 'Namespace', causes } });
}

function isVersion(value: string): boolean {
  return value === 'latest' || /^v1\.([0-9]|[1-9][0-9]*)$/.test(value);
}

function labelProblem(
  namespace: KubeObject,
  mode: string,
  problem: (value: string) => string,
): StatusCause[] {
  const value = namespace.metadata.labels?.[`${prefix}${mode}`];
  const why = value === undefined ? '' : problem(value);
  if (why === '') return [];
  const field = `metadata.labels[${prefix}${mode}]`;
  return [{ reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(value)}: ${why}`, field }];
}
