import { asJson, isJson, items, setDefault, setDefaultOfZero, text } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';

/** Defaults of a container, init container or ephemeral container. */
export function defaultContainer(container: Json): void {
  setDefaultOfZero(container, 'imagePullPolicy', pullPolicyOf(text(container['image'])));
  setDefaultOfZero(container, 'terminationMessagePath', '/dev/termination-log');
  setDefaultOfZero(container, 'terminationMessagePolicy', 'File');
  setDefault(container, 'resources', {});
  for (const port of items(container['ports'])) setDefaultOfZero(port, 'protocol', 'TCP');
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) defaultProbe(container[probe]);
  const lifecycle = asJson(container['lifecycle']);
  for (const hook of ['postStart', 'preStop']) defaultHttpGet(asJson(lifecycle[hook])['httpGet']);
  for (const variable of items(container['env'])) {
    const field = asJson(variable['valueFrom'])['fieldRef'];
    if (isJson(field)) setDefaultOfZero(field, 'apiVersion', 'v1');
    const resource = asJson(variable['valueFrom'])['resourceFieldRef'];
    if (isJson(resource)) setDefault(resource, 'divisor', '0');
  }
}

/** `Always` for `:latest` and for no tag, else `IfNotPresent`; a digest pins the image. */
export function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const name = image.slice(image.lastIndexOf('/') + 1);
  const tag = name.includes(':') ? name.slice(name.indexOf(':') + 1) : 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultProbe(probe: unknown): void {
  if (!isJson(probe)) return;
  setDefaultOfZero(probe, 'timeoutSeconds', 1);
  setDefaultOfZero(probe, 'periodSeconds', 10);
  setDefaultOfZero(probe, 'successThreshold', 1);
  setDefaultOfZero(probe, 'failureThreshold', 3);
  defaultHttpGet(probe['httpGet']);
  const grpc = probe['grpc'];
  if (isJson(grpc)) setDefault(grpc, 'service', '');
}

function defaultHttpGet(action: unknown): void {
  if (!isJson(action)) return;
  setDefaultOfZero(action, 'path', '/');
  setDefaultOfZero(action, 'scheme', 'HTTP');
}
