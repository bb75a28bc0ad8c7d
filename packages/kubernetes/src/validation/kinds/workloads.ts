import { asJson, isJson, items, stringMap, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { nonNegative } from '../formats.ts';
import { checkPodTemplate } from '../pod/pod.ts';
import { checkFormat, checkImmutable, sameJson } from '../problems.ts';
import type { Problems } from '../problems.ts';
import { checkLabelSelector, isEmptySelector, selectorMatches } from '../selector.ts';
import { checkClaimSpec } from './storage.ts';

const MISMATCH = '`selector` does not match template `labels`';

/** Rules of a Deployment. */
export function checkDeployment(object: Json, problems: Problems): void {
  const spec = asJson(object['spec']);
  checkCounts(
    spec,
    ['replicas', 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'],
    problems,
  );
  checkSelectorAndTemplate(spec, { noun: 'deployment', limits: 'ReplicaSet' }, problems);
  const strategy = asJson(spec['strategy']);
  const type = text(strategy['type']);
  if (type !== 'RollingUpdate' && type !== 'Recreate')
    problems.notSupported('spec.strategy', strategy, ['Recreate', 'RollingUpdate']);
  else if (type === 'Recreate' && isJson(strategy['rollingUpdate'])) {
    problems.forbidden(
      'spec.strategy.rollingUpdate',
      "may not be specified when strategy `type` is 'Recreate'",
    );
  } else if (type === 'RollingUpdate')
    checkRollingUpdate(asJson(strategy['rollingUpdate']), 'spec.strategy.rollingUpdate', problems);
  const deadline = spec['progressDeadlineSeconds'];
  const ready = spec['minReadySeconds'] ?? 0;
  if (typeof deadline === 'number' && typeof ready === 'number' && deadline <= ready) {
    problems.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds');
  }
}

/** Rules of a ReplicaSet. */
export function checkReplicaSet(object: Json, problems: Problems): void {
  const spec = asJson(object['spec']);
  checkCounts(spec, ['replicas', 'minReadySeconds'], problems);
  checkSelectorAndTemplate(spec, { noun: 'deployment', limits: 'ReplicaSet' }, problems);
}

/** Rules of a DaemonSet. */
export function checkDaemonSet(object: Json, problems: Problems): void {
  const spec = asJson(object['spec']);
  checkCounts(spec, ['minReadySeconds', 'revisionHistoryLimit'], problems);
  checkSelectorAndTemplate(spec, { noun: 'daemonset', limits: 'DaemonSet' }, problems);
  const type = text(asJson(spec['updateStrategy'])['type']);
  if (type !== 'RollingUpdate' && type !== 'OnDelete')
    problems.notSupported('spec.updateStrategy', spec['updateStrategy'], ['RollingUpdate', 'OnDelete']);
}

/** Rules of a StatefulSet. */
export function checkStatefulSet(object: Json, problems: Problems): void {
  const spec = asJson(object['spec']);
  checkCounts(spec, ['replicas', 'minReadySeconds', 'revisionHistoryLimit'], problems);
  const management = text(spec['podManagementPolicy']);
  if (management !== 'OrderedReady' && management !== 'Parallel') {
    problems.invalid('spec.podManagementPolicy', management, "must be 'OrderedReady' or 'Parallel'");
  }
  const type = text(asJson(spec['updateStrategy'])['type']);
  if (type !== 'RollingUpdate' && type !== 'OnDelete') {
    problems.invalid('spec.updateStrategy', spec['updateStrategy'], "must be 'RollingUpdate' or 'OnDelete'");
  }
  checkSelectorAndTemplate(spec, { noun: 'statefulset', limits: 'StatefulSet' }, problems);
  items(spec['volumeClaimTemplates']).forEach((claim, index) => {
    checkClaimSpec(asJson(claim['spec']), `spec.volumeClaimTemplates[${index}].spec`, problems);
  });
}

/** Rules of a ReplicationController, whose selector is a plain map. */
export function checkReplicationController(object: Json, problems: Problems): void {
  const spec = asJson(object['spec']);
  checkCounts(spec, ['replicas', 'minReadySeconds'], problems);
  const selector = stringMap(spec['selector']);
  if (Object.keys(selector).length === 0) problems.required('spec.selector');
  if (!isJson(spec['template'])) {
    problems.required('spec.template');
    return;
  }
  const labels = asJson(spec['template']['metadata'])['labels'];
  if (!selectorMatches({ matchLabels: selector }, labels))
    problems.invalid('spec.template.metadata.labels', labels ?? null, MISMATCH);
  checkTemplate(spec, 'ReplicationController', problems);
}

/** The selector of a workload says which pods are its own, so it never changes. */
export function checkSelectorUpdate(object: Json, old: Json, problems: Problems): void {
  checkImmutable(
    'spec.selector',
    { now: asJson(object['spec'])['selector'], before: asJson(old['spec'])['selector'] },
    problems,
  );
}

const STATEFUL_SET_UPDATABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

/** What may change in a StatefulSet. */
export function checkStatefulSetUpdate(object: Json, old: Json, problems: Problems): void {
  const fixed = (spec: unknown) =>
    Object.fromEntries(Object.entries(asJson(spec)).filter(([key]) => !STATEFUL_SET_UPDATABLE.includes(key)));
  if (sameJson(fixed(object['spec']), fixed(old['spec']))) return;
  const quoted = STATEFUL_SET_UPDATABLE.map((field) => `'${field}'`);
  const listed = `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1) ?? ''}`;
  problems.forbidden('spec', `updates to statefulset spec for fields other than ${listed} are forbidden`);
}

function checkSelectorAndTemplate(
  spec: Json,
  { noun, limits }: { noun: string; limits: string },
  problems: Problems,
): void {
  const selector = spec['selector'];
  if (!isJson(selector)) problems.required('spec.selector');
  else {
    checkLabelSelector(selector, 'spec.selector', problems);
    if (isEmptySelector(selector))
      problems.invalid('spec.selector', selector, `empty selector is invalid for ${noun}`);
  }
  const labels = asJson(asJson(spec['template'])['metadata'])['labels'];
  if (isJson(selector) && !isEmptySelector(selector) && !selectorMatches(selector, labels)) {
    problems.invalid('spec.template.metadata.labels', labels ?? null, MISMATCH);
  }
  checkTemplate(spec, limits, problems);
}

function checkTemplate(spec: Json, kind: string, problems: Problems): void {
  const template = asJson(spec['template']);
  checkPodTemplate(template, 'spec.template', problems);
  const podSpec = asJson(template['spec']);
  if (text(podSpec['restartPolicy']) !== 'Always') {
    problems.notSupported('spec.template.spec.restartPolicy', podSpec['restartPolicy'] ?? '', ['Always']);
  }
  if (podSpec['activeDeadlineSeconds'] !== undefined) {
    problems.forbidden(
      'spec.template.spec.activeDeadlineSeconds',
      `activeDeadlineSeconds in ${kind} is not Supported`,
    );
  }
}

function checkRollingUpdate(rollingUpdate: Json, path: string, problems: Problems): void {
  for (const field of ['maxUnavailable', 'maxSurge']) {
    const value = rollingUpdate[field];
    if (typeof value === 'number')
      checkFormat(`${path}.${field}`, value, { messages: nonNegative(value), problems });
    else if (typeof value === 'string' && !/^[0-9]+%$/.test(value)) {
      const message =
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')";
      problems.invalid(`${path}.${field}`, value, message);
    }
  }
  const { maxUnavailable, maxSurge } = rollingUpdate;
  if (Number.parseInt(String(maxUnavailable), 10) > 100 && typeof maxUnavailable === 'string') {
    problems.invalid(`${path}.maxUnavailable`, maxUnavailable, 'must not be greater than 100%');
  }
  if (Number.parseInt(String(maxUnavailable), 10) === 0 && Number.parseInt(String(maxSurge), 10) === 0) {
    problems.invalid(`${path}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0');
  }
}

function checkCounts(spec: Json, fields: readonly string[], problems: Problems): void {
  for (const field of fields)
    checkFormat(`spec.${field}`, spec[field], { messages: nonNegative(spec[field]), problems });
}
