import type { KubeObject } from '../../../types.ts';
import { arrayAt, isRecord, recordAt, textAt } from '../../registry/object.ts';
import {
  age,
  ageColumn,
  count,
  createdAtColumn,
  nameColumn,
  none,
  orNone,
  specOf,
  statusOf,
  wide,
  type CellContext,
  type Column,
} from '../column.ts';

export const namespaceColumns: readonly Column[] = [
  nameColumn,
  { name: 'Status', cell: (object) => textAt(statusOf(object), 'phase') },
  ageColumn,
];

export const configMapColumns: readonly Column[] = [
  nameColumn,
  { name: 'Data', type: 'integer', cell: (object) => size(object['data']) + size(object['binaryData']) },
  ageColumn,
];

export const secretColumns: readonly Column[] = [
  nameColumn,
  { name: 'Type', cell: (object) => textAt(object, 'type') },
  { name: 'Data', type: 'integer', cell: (object) => size(object['data']) },
  ageColumn,
];

export const serviceAccountColumns: readonly Column[] = [
  nameColumn,
  { name: 'Secrets', type: 'integer', cell: (object) => arrayAt(object, 'secrets').length },
  ageColumn,
];

export const nameAndCreation: readonly Column[] = [nameColumn, createdAtColumn];

function size(value: unknown): number {
  return isRecord(value) ? Object.keys(value).length : 0;
}

export const eventColumns: readonly Column[] = [
  { name: 'Last Seen', cell: (event, context) => lastSeen(event, context) },
  { name: 'Type', cell: (event) => textAt(event, 'type') },
  { name: 'Reason', cell: (event) => textAt(event, 'reason') },
  {
    name: 'Object',
    cell: (event) => {
      const about = aboutOf(event);
      return `${textAt(about, 'kind').toLowerCase()}/${textAt(about, 'name')}`;
    },
  },
  wide({ name: 'Subobject', cell: (event) => textAt(aboutOf(event), 'fieldPath') }),
  wide({
    name: 'Source',
    cell: (event) => {
      const source = recordAt(event, 'source') ?? recordAt(event, 'deprecatedSource');
      const host = textAt(source, 'host');
      const component = textAt(source, 'component') || textAt(event, 'reportingComponent');
      return host === '' ? component : `${component}, ${host}`;
    },
  }),
  { name: 'Message', cell: (event) => (textAt(event, 'message') || textAt(event, 'note')).trim() },
  wide({
    name: 'First Seen',
    cell: (event, context) =>
      age(
        textAt(event, 'firstTimestamp') ||
          textAt(event, 'deprecatedFirstTimestamp') ||
          textAt(event, 'eventTime'),
        context,
      ),
  }),
  wide({
    name: 'Count',
    cell: (event) => String(Math.max(1, count(event['count']), count(event['deprecatedCount']))),
  }),
  wide({ ...nameColumn }),
];

function aboutOf(event: KubeObject): Record<string, unknown> | undefined {
  return recordAt(event, 'involvedObject') ?? recordAt(event, 'regarding');
}

function lastSeen(event: KubeObject, context: CellContext): string {
  const series = recordAt(event, 'series');
  const time =
    textAt(series, 'lastObservedTime') ||
    textAt(event, 'lastTimestamp') ||
    textAt(event, 'deprecatedLastTimestamp') ||
    textAt(event, 'eventTime') ||
    textAt(event, 'firstTimestamp');
  return age(time, context);
}

const roleLabel = 'node-role.kubernetes.io/';

export const nodeColumns: readonly Column[] = [
  nameColumn,
  { name: 'Status', cell: nodeStatus },
  { name: 'Roles', cell: nodeRoles },
  ageColumn,
  { name: 'Version', cell: (node) => textAt(recordAt(statusOf(node), 'nodeInfo'), 'kubeletVersion') },
  wide({ name: 'Internal-IP', cell: (node) => nodeAddress(node, 'InternalIP') }),
  wide({ name: 'External-IP', cell: (node) => nodeAddress(node, 'ExternalIP') }),
  wide({ name: 'OS-Image', cell: (node) => nodeInfo(node, 'osImage') }),
  wide({ name: 'Kernel-Version', cell: (node) => nodeInfo(node, 'kernelVersion') }),
  wide({ name: 'Container-Runtime', cell: (node) => nodeInfo(node, 'containerRuntimeVersion') }),
];

function nodeStatus(node: KubeObject): string {
  const ready = arrayAt(statusOf(node), 'conditions').find(
    (condition) => textAt(condition, 'type') === 'Ready',
  );
  const parts = [ready === undefined ? 'Unknown' : textAt(ready, 'status') === 'True' ? 'Ready' : 'NotReady'];
  if (specOf(node)['unschedulable'] === true) parts.push('SchedulingDisabled');
  return parts.join(',');
}

function nodeRoles(node: KubeObject): string {
  const labels = Object.entries(node.metadata.labels ?? {});
  const roles = labels.flatMap(([key, value]) => {
    if (key.startsWith(roleLabel) && key.length > roleLabel.length) return [key.slice(roleLabel.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  });
  return roles.length === 0 ? none : [...new Set(roles)].toSorted().join(',');
}

function nodeAddress(node: KubeObject, type: string): string {
  const found = arrayAt(statusOf(node), 'addresses').find((address) => textAt(address, 'type') === type);
  return orNone(textAt(found, 'address'));
}

function nodeInfo(node: KubeObject, field: string): string {
  return textAt(recordAt(statusOf(node), 'nodeInfo'), field) || '<unknown>';
}

export const quotaColumns: readonly Column[] = [
  nameColumn,
  { name: 'Request', cell: (quota) => quotaText(quota, false) },
  { name: 'Limit', cell: (quota) => quotaText(quota, true) },
  ageColumn,
];

function quotaText(quota: KubeObject, limits: boolean): string {
  const status = statusOf(quota);
  const used = recordAt(status, 'used') ?? {};
  const hard = Object.entries(recordAt(status, 'hard') ?? {}).filter(
    ([name]) => name.startsWith('limits.') === limits,
  );
  return hard
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}: ${String(used[name] ?? '0')}/${String(value)}`)
    .join(', ');
}
