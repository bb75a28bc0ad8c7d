import type { KubeObject } from '../../../types.ts';
import { formatLabelSelector, type LabelSelector } from '../../select/label-selector.ts';
import { arrayAt, numberAt, recordAt, textAt } from '../../registry/object.ts';
import {
  age,
  ageColumn,
  count,
  nameColumn,
  none,
  specOf,
  statusOf,
  unset,
  wide,
  type CellContext,
  type Column,
} from '../column.ts';
import { shortDuration } from '../duration.ts';

function podSpecOf(object: KubeObject): Record<string, unknown> {
  return recordAt(recordAt(specOf(object), 'template'), 'spec') ?? {};
}

const containerColumns: readonly Column[] = [
  wide({ name: 'Containers', cell: (object) => joined(podSpecOf(object), 'name') }),
  wide({ name: 'Images', cell: (object) => joined(podSpecOf(object), 'image') }),
];

function joined(podSpec: Record<string, unknown>, field: string): string {
  return arrayAt(podSpec, 'containers')
    .map((container) => textAt(container, field))
    .join(',');
}

const selectorColumn: Column = wide({
  name: 'Selector',
  cell: (object) => {
    const selector: LabelSelector | undefined = recordAt(specOf(object), 'selector');
    return formatLabelSelector(selector);
  },
});

const plainSelectorColumn: Column = wide({
  name: 'Selector',
  cell: (object) => formatLabels(recordAt(specOf(object), 'selector')),
});

/** `a=b,c=d`, or `<none>`. */
export function formatLabels(labels: Record<string, unknown> | undefined): string {
  const parts = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  return parts.length === 0 ? none : parts.toSorted().join(',');
}

const integer = (name: string, cell: (object: KubeObject) => number): Column => ({
  name,
  type: 'integer',
  cell,
});
const fromStatus = (name: string, field: string): Column =>
  integer(name, (object) => count(statusOf(object)[field]));
const desiredReplicas = integer('Desired', (object) => count(specOf(object)['replicas']));

export const deploymentColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Ready',
    cell: (object) => `${count(statusOf(object)['readyReplicas'])}/${count(specOf(object)['replicas'])}`,
  },
  fromStatus('Up-to-date', 'updatedReplicas'),
  fromStatus('Available', 'availableReplicas'),
  ageColumn,
  ...containerColumns,
  selectorColumn,
];

const replicaColumns = [
  nameColumn,
  desiredReplicas,
  fromStatus('Current', 'replicas'),
  fromStatus('Ready', 'readyReplicas'),
  ageColumn,
  ...containerColumns,
];

export const replicaSetColumns: readonly Column[] = [...replicaColumns, selectorColumn];
export const replicationControllerColumns: readonly Column[] = [...replicaColumns, plainSelectorColumn];

export const statefulSetColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Ready',
    cell: (object) => `${count(statusOf(object)['readyReplicas'])}/${count(specOf(object)['replicas'])}`,
  },
  ageColumn,
  ...containerColumns,
];

export const daemonSetColumns: readonly Column[] = [
  nameColumn,
  fromStatus('Desired', 'desiredNumberScheduled'),
  fromStatus('Current', 'currentNumberScheduled'),
  fromStatus('Ready', 'numberReady'),
  fromStatus('Up-to-date', 'updatedNumberScheduled'),
  fromStatus('Available', 'numberAvailable'),
  { name: 'Node Selector', cell: (object) => formatLabels(recordAt(podSpecOf(object), 'nodeSelector')) },
  ageColumn,
  ...containerColumns,
  selectorColumn,
];

export const jobColumns: readonly Column[] = [
  nameColumn,
  { name: 'Status', cell: jobStatus },
  { name: 'Completions', cell: completions },
  { name: 'Duration', cell: jobDuration },
  ageColumn,
  ...containerColumns,
  selectorColumn,
];

function jobStatus(job: KubeObject): string {
  const conditions = arrayAt(statusOf(job), 'conditions');
  const holds = (type: string): boolean =>
    conditions.some(
      (condition) => textAt(condition, 'type') === type && textAt(condition, 'status') === 'True',
    );
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (holds('Suspended')) return 'Suspended';
  if (holds('FailureTarget')) return 'FailureTarget';
  return holds('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running';
}

function completions(job: KubeObject): string {
  const spec = specOf(job);
  const succeeded = count(statusOf(job)['succeeded']);
  const wanted = numberAt(spec, 'completions');
  if (wanted !== undefined) return `${succeeded}/${wanted}`;
  const parallelism = numberAt(spec, 'parallelism') ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(job: KubeObject, { nowMs }: CellContext): string {
  const status = statusOf(job);
  const start = textAt(status, 'startTime');
  if (start === '') return '';
  const failed = arrayAt(status, 'conditions').find(
    (condition) => textAt(condition, 'type') === 'Failed' && textAt(condition, 'status') === 'True',
  );
  const end = textAt(status, 'completionTime') || textAt(failed, 'lastTransitionTime');
  return shortDuration((end === '' ? nowMs : Date.parse(end)) - Date.parse(start));
}

function cronPodSpec(object: KubeObject): Record<string, unknown> {
  const jobSpec = recordAt(recordAt(specOf(object), 'jobTemplate'), 'spec');
  return recordAt(recordAt(jobSpec, 'template'), 'spec') ?? {};
}

export const cronJobColumns: readonly Column[] = [
  nameColumn,
  { name: 'Schedule', cell: (object) => textAt(specOf(object), 'schedule') },
  { name: 'Timezone', cell: (object) => textAt(specOf(object), 'timeZone') || none },
  {
    name: 'Suspend',
    type: 'boolean',
    cell: (object) =>
      specOf(object)['suspend'] === undefined ? unset : specOf(object)['suspend'] === true ? 'True' : 'False',
  },
  integer('Active', (object) => arrayAt(statusOf(object), 'active').length),
  {
    name: 'Last Schedule',
    cell: (object, context) => {
      const last = textAt(statusOf(object), 'lastScheduleTime');
      return last === '' ? none : age(last, context);
    },
  },
  ageColumn,
  wide({ name: 'Containers', cell: (object) => joined(cronPodSpec(object), 'name') }),
  wide({ name: 'Images', cell: (object) => joined(cronPodSpec(object), 'image') }),
  wide({ name: 'Selector', cell: () => none }),
];

export const podTemplateColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Containers',
    cell: (object) => joined(recordAt(recordAt(object, 'template'), 'spec') ?? {}, 'name'),
  },
  { name: 'Images', cell: (object) => joined(recordAt(recordAt(object, 'template'), 'spec') ?? {}, 'image') },
  {
    name: 'Pod Labels',
    cell: (object) => formatLabels(recordAt(recordAt(recordAt(object, 'template'), 'metadata'), 'labels')),
  },
];

export const controllerRevisionColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Controller',
    cell: (object) => {
      const owner = object.metadata.ownerReferences?.find((reference) => reference.controller);
      if (!owner) return none;
      const [group = ''] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [''];
      return `${owner.kind.toLowerCase()}${group && `.${group}`}/${owner.name}`;
    },
  },
  integer('Revision', (object) => numberAt(object, 'revision') ?? 0),
  ageColumn,
];

export const budgetColumns: readonly Column[] = [
  nameColumn,
  { name: 'Min Available', cell: (object) => shown(specOf(object)['minAvailable']) },
  { name: 'Max Unavailable', cell: (object) => shown(specOf(object)['maxUnavailable']) },
  fromStatus('Allowed Disruptions', 'disruptionsAllowed'),
  ageColumn,
];

function shown(value: unknown): string {
  return value === undefined || value === null ? 'N/A' : String(value);
}

export const autoscalerColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Reference',
    cell: (object) => {
      const target = recordAt(specOf(object), 'scaleTargetRef');
      return `${textAt(target, 'kind')}/${textAt(target, 'name')}`;
    },
  },
  { name: 'Targets', cell: targetsCell },
  { name: 'MinPods', cell: (object) => String(specOf(object)['minReplicas'] ?? unset) },
  integer('MaxPods', (object) => count(specOf(object)['maxReplicas'])),
  fromStatus('Replicas', 'currentReplicas'),
  ageColumn,
];

function targetsCell(object: KubeObject): string {
  const metrics = arrayAt(specOf(object), 'metrics');
  if (metrics.length === 0) return none;
  const current = arrayAt(statusOf(object), 'currentMetrics');
  const texts = metrics.slice(0, 2).map((metric, index) => {
    const resource = recordAt(metric, 'resource');
    const target = recordAt(resource, 'target');
    const now = recordAt(recordAt(current[index], 'resource'), 'current');
    const percent = numberAt(target, 'averageUtilization');
    const name = textAt(resource, 'name') || textAt(metric, 'type').toLowerCase();
    const nowText = numberAt(now, 'averageUtilization');
    if (percent !== undefined)
      return `${name}: ${nowText === undefined ? '<unknown>' : `${nowText}%`}/${percent}%`;
    return `${name}: ${textAt(now, 'averageValue') || '<unknown>'}/${textAt(target, 'averageValue')}`;
  });
  return metrics.length > 2 ? `${texts.join(', ')} + ${metrics.length - 2} more...` : texts.join(', ');
}
