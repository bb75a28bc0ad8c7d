import { asJson, ensureJson, isJson, items, setDefault, setDefaultOfZero } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';
import { defaultContainer } from './container.ts';
import { defaultVolume } from './volume.ts';

/** Defaults of a `PodTemplateSpec`; nothing happens without one. */
export function defaultPodTemplate(template: unknown): void {
  if (!isJson(template)) return;
  defaultPodSpec(ensureJson(template, 'spec'));
}

/** Defaults that pods and pod templates share. */
export function defaultPodSpec(spec: Json): void {
  setDefaultOfZero(spec, 'dnsPolicy', 'ClusterFirst');
  setDefaultOfZero(spec, 'restartPolicy', 'Always');
  setDefault(spec, 'securityContext', {});
  setDefault(spec, 'terminationGracePeriodSeconds', 30);
  setDefaultOfZero(spec, 'schedulerName', 'default-scheduler');
  copyServiceAccount(spec);
  for (const list of [spec['initContainers'], spec['containers'], spec['ephemeralContainers']])
    items(list).forEach(defaultContainer);
  items(spec['volumes']).forEach(defaultVolume);
}

/** `serviceAccount` is the deprecated name of `serviceAccountName`; upstream keeps both alike. */
function copyServiceAccount(spec: Json): void {
  const name = spec['serviceAccountName'] ?? spec['serviceAccount'];
  if (typeof name !== 'string' || name === '') return;
  spec['serviceAccountName'] = name;
  spec['serviceAccount'] = name;
}

/** Limits stand in for missing requests; only in pods, not in templates. */
export function defaultRequests(container: Json): void {
  const resources = asJson(container['resources']);
  if (!isJson(resources['limits'])) return;
  const requests = ensureJson(resources, 'requests');
  for (const [name, limit] of Object.entries(resources['limits'])) setDefault(requests, name, limit);
}
