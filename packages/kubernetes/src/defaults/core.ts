import { asJson, ensureJson, isJson, items, setDefault, setDefaultOfZero } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';
import { copyTemplateLabels } from './batch.ts';
import { defaultPodTemplate } from './pod-spec.ts';

/** Defaults of a Namespace. Its name is also a label, which admission of others selects by. */
export function defaultNamespace(namespace: Json): void {
  const metadata = ensureJson(namespace, 'metadata');
  if (typeof metadata['name'] === 'string' && metadata['name'] !== '') {
    ensureJson(metadata, 'labels')['kubernetes.io/metadata.name'] = metadata['name'];
  }
  setDefaultOfZero(ensureJson(namespace, 'status'), 'phase', 'Active');
}

/** Defaults of a Node's status: everything that it has can be allocated. */
export function defaultNodeStatus(node: Json): void {
  const status = asJson(node['status']);
  if (isJson(status['capacity'])) setDefault(status, 'allocatable', { ...status['capacity'] });
}

/** Defaults of a Secret. */
export function defaultSecret(secret: Json): void {
  setDefaultOfZero(secret, 'type', 'Opaque');
}

/** Defaults of an Endpoints object. */
export function defaultEndpoints(endpoints: Json): void {
  for (const subset of items(endpoints['subsets'])) {
    for (const port of items(subset['ports'])) setDefaultOfZero(port, 'protocol', 'TCP');
  }
}

/** Defaults of a LimitRange: for containers, max stands in for default, default and min for defaultRequest. */
export function defaultLimitRange(limitRange: Json): void {
  for (const limit of items(asJson(limitRange['spec'])['limits'])) {
    if (limit['type'] !== 'Container') continue;
    const defaults: Json = { ...asJson(limit['max']), ...asJson(limit['default']) };
    const requests: Json = { ...asJson(limit['min']), ...defaults, ...asJson(limit['defaultRequest']) };
    if (Object.keys(defaults).length > 0) limit['default'] = defaults;
    if (Object.keys(requests).length > 0) limit['defaultRequest'] = requests;
  }
}

/** Defaults of a ReplicationController: selector and labels from its template. */
export function defaultReplicationController(controller: Json): void {
  const spec = ensureJson(controller, 'spec');
  defaultPodTemplate(spec['template']);
  setDefault(spec, 'replicas', 1);
  const labels = asJson(asJson(spec['template'])['metadata'])['labels'];
  if (!isJson(labels)) return;
  if (Object.keys(asJson(spec['selector'])).length === 0) spec['selector'] = { ...labels };
  copyTemplateLabels(controller, spec);
}
