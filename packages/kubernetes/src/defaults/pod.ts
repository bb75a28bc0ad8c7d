import { ensureJson, isJson, items, setDefault, setDefaultOfZero } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';
import { defaultPodSpec, defaultRequests } from './pod-spec.ts';

/** Defaults of a Pod. */
export function defaultPod(pod: Json): void {
  const spec = ensureJson(pod, 'spec');
  defaultPodSpec(spec);
  const containers = [...items(spec['initContainers']), ...items(spec['containers'])];
  containers.forEach(defaultRequests);
  if (isJson(spec['resources'])) defaultRequests(spec);
  setDefault(spec, 'enableServiceLinks', true);
  if (spec['hostNetwork'] !== true) return;
  for (const port of containers.flatMap((container) => items(container['ports'])))
    setDefaultOfZero(port, 'hostPort', port['containerPort']);
}
