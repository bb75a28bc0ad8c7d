import type { KubeObject } from '../../../types.ts';
import { arrayAt, isRecord, numberAt, recordAt, textAt } from '../../registry/object.ts';
import {
  age,
  ageColumn,
  nameColumn,
  none,
  orNone,
  specOf,
  statusOf,
  wide,
  type CellContext,
  type Column,
} from '../column.ts';

/** Columns of pods (k8s.io/kubernetes pkg/printers/internalversion printPod). */
export const podColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Ready',
    description: 'The aggregate readiness state of this pod for accepting traffic.',
    cell: readyCell,
  },
  { name: 'Status', description: 'The aggregate status of the containers in this pod.', cell: podReason },
  {
    name: 'Restarts',
    description:
      'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    cell: restartsCell,
  },
  ageColumn,
  wide({
    name: 'IP',
    cell: (pod) =>
      orNone(textAt(arrayAt(statusOf(pod), 'podIPs')[0], 'ip') || textAt(statusOf(pod), 'podIP')),
  }),
  wide({ name: 'Node', cell: (pod) => orNone(specOf(pod)['nodeName']) }),
  wide({ name: 'Nominated Node', cell: (pod) => orNone(statusOf(pod)['nominatedNodeName']) }),
  wide({ name: 'Readiness Gates', cell: gatesCell }),
];

interface Counted {
  total: number;
  ready: number;
}

/** Restartable init containers count like containers. */
function counts(pod: KubeObject): Counted {
  const spec = specOf(pod);
  const sidecars = arrayAt(spec, 'initContainers')
    .filter(isRestartable)
    .map((container) => textAt(container, 'name'));
  const status = statusOf(pod);
  const isReady = (entry: unknown): boolean => isRecord(entry) && entry['ready'] === true;
  const running = (entry: unknown): boolean => isReady(entry) && stateOf(entry, 'running') !== undefined;
  const readySidecars = arrayAt(status, 'initContainerStatuses').filter(
    (entry) => sidecars.includes(textAt(entry, 'name')) && isReady(entry),
  );
  return {
    total: arrayAt(spec, 'containers').length + sidecars.length,
    ready: arrayAt(status, 'containerStatuses').filter(running).length + readySidecars.length,
  };
}

function readyCell(pod: KubeObject): string {
  const { total, ready } = counts(pod);
  return `${ready}/${total}`;
}

function isRestartable(container: unknown): boolean {
  return textAt(container, 'restartPolicy') === 'Always';
}

function stateOf(status: unknown, state: string): Record<string, unknown> | undefined {
  return recordAt(recordAt(status, 'state'), state);
}

/** What is going on with a pod in one word, as the STATUS column has it. */
export function podReason(pod: KubeObject): string {
  const status = statusOf(pod);
  const phase = textAt(status, 'phase');
  let reason = textAt(status, 'reason') || phase;
  for (const condition of arrayAt(status, 'conditions')) {
    if (textAt(condition, 'type') === 'PodScheduled' && textAt(condition, 'reason') === 'SchedulingGated')
      reason = 'SchedulingGated';
  }
  const initReason = initializing(pod);
  if (initReason !== undefined && !hasCondition(status, 'Initialized')) reason = initReason;
  else reason = containersReason(status, reason);
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  if (textAt(status, 'reason') === 'NodeLost') return 'Unknown';
  return phase === 'Succeeded' || phase === 'Failed' ? reason : 'Terminating';
}

function initializing(pod: KubeObject): string | undefined {
  const specs = arrayAt(specOf(pod), 'initContainers');
  const statuses = arrayAt(statusOf(pod), 'initContainerStatuses');
  for (const [index, entry] of statuses.entries()) {
    const terminated = stateOf(entry, 'terminated');
    const exitCode = numberAt(terminated, 'exitCode') ?? 0;
    const spec = specs.find((candidate) => textAt(candidate, 'name') === textAt(entry, 'name'));
    if (terminated && exitCode === 0) continue;
    if (isRestartable(spec) && isRecord(entry) && entry['started'] === true) continue;
    if (terminated) return `Init:${endReason(terminated)}`;
    const waiting = textAt(stateOf(entry, 'waiting'), 'reason');
    if (waiting !== '' && waiting !== 'PodInitializing') return `Init:${waiting}`;
    return `Init:${index}/${specs.length}`;
  }
  return undefined;
}

function containersReason(status: Record<string, unknown>, fallback: string): string {
  let reason = fallback;
  let running = false;
  for (const entry of arrayAt(status, 'containerStatuses').toReversed()) {
    const waiting = textAt(stateOf(entry, 'waiting'), 'reason');
    const terminated = stateOf(entry, 'terminated');
    if (waiting !== '') reason = waiting;
    else if (terminated) reason = endReason(terminated);
    else if (isRecord(entry) && entry['ready'] === true && stateOf(entry, 'running')) running = true;
  }
  if (reason !== 'Completed' || !running) return reason;
  return hasCondition(status, 'Ready') ? 'Running' : 'NotReady';
}

function endReason(terminated: Record<string, unknown>): string {
  const reason = textAt(terminated, 'reason');
  if (reason !== '') return reason;
  const signal = numberAt(terminated, 'signal') ?? 0;
  return signal !== 0 ? `Signal:${signal}` : `ExitCode:${numberAt(terminated, 'exitCode') ?? 0}`;
}

function hasCondition(status: Record<string, unknown>, type: string): boolean {
  return arrayAt(status, 'conditions').some(
    (condition) => textAt(condition, 'type') === type && textAt(condition, 'status') === 'True',
  );
}

function restartsCell(pod: KubeObject, context: CellContext): string {
  const status = statusOf(pod);
  const sidecars = arrayAt(specOf(pod), 'initContainers')
    .filter(isRestartable)
    .map((container) => textAt(container, 'name'));
  const inits = arrayAt(status, 'initContainerStatuses');
  const stillInitializing = initializing(pod) !== undefined && !hasCondition(status, 'Initialized');
  const counted = stillInitializing
    ? inits
    : [
        ...arrayAt(status, 'containerStatuses'),
        ...inits.filter((entry) => sidecars.includes(textAt(entry, 'name'))),
      ];
  let restarts = 0;
  let last = '';
  for (const entry of counted) {
    restarts += numberAt(entry, 'restartCount') ?? 0;
    const finished = textAt(recordAt(recordAt(entry, 'lastState'), 'terminated'), 'finishedAt');
    if (finished > last) last = finished;
  }
  return restarts !== 0 && last !== '' ? `${restarts} (${age(last, context)} ago)` : String(restarts);
}

function gatesCell(pod: KubeObject): string {
  const gates = arrayAt(specOf(pod), 'readinessGates').map((gate) => textAt(gate, 'conditionType'));
  if (gates.length === 0) return none;
  return `${gates.filter((gate) => hasCondition(statusOf(pod), gate)).length}/${gates.length}`;
}
