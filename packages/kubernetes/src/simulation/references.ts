import type { ApiClient } from '../api/client.ts';
import type { Container, KeyRef, Pod, Volume } from '../objects.ts';
import type { KubeObject } from '../types.ts';

/** A ConfigMap or Secret that a pod needs and that is not there. */
export interface MissingReference {
  /** `configmaps/namespace/name` */
  key: string;
  /** In the kubelet's words. */
  message: string;
}

interface WithData extends KubeObject {
  data?: Record<string, unknown>;
  binaryData?: Record<string, unknown>;
}

type Resource = 'configmaps' | 'secrets';

/** The first reference of a container's environment that cannot be resolved. */
export function missingEnvironment(
  client: ApiClient,
  pod: Pod,
  container: Container,
): MissingReference | undefined {
  for (const source of container.envFrom ?? []) {
    const missing = check(client, pod, { configmaps: source.configMapRef, secrets: source.secretRef });
    if (missing) return missing;
  }
  for (const { valueFrom } of container.env ?? []) {
    const missing = check(client, pod, {
      configmaps: valueFrom?.configMapKeyRef,
      secrets: valueFrom?.secretKeyRef,
    });
    if (missing) return missing;
  }
  return undefined;
}

/** The first volume whose ConfigMap or Secret is not there. */
export function missingVolume(
  client: ApiClient,
  pod: Pod,
): (MissingReference & { volume: string }) | undefined {
  for (const volume of pod.spec.volumes ?? []) {
    for (const references of volumeReferences(volume)) {
      const missing = check(client, pod, references);
      if (missing) return { ...missing, volume: volume.name };
    }
  }
  return undefined;
}

type References = Partial<Record<Resource, KeyRef | undefined>>;

function volumeReferences(volume: Volume): References[] {
  const { secret, configMap, projected } = volume;
  return [
    ...(secret ? [{ secrets: { name: secret.secretName, optional: secret.optional ?? false } }] : []),
    ...(configMap ? [{ configmaps: { name: configMap.name, optional: configMap.optional ?? false } }] : []),
    ...(projected?.sources ?? []).map((source) => ({
      secrets: source.secret && { name: source.secret.name, optional: source.secret.optional ?? false },
      configmaps: source.configMap && {
        name: source.configMap.name,
        optional: source.configMap.optional ?? false,
      },
    })),
  ];
}

function check(client: ApiClient, pod: Pod, references: References): MissingReference | undefined {
  const namespace = pod.metadata.namespace ?? '';
  for (const resource of ['configmaps', 'secrets'] as const) {
    const reference = references[resource];
    if (!reference || reference.optional) continue;
    const key = `${resource}/${namespace}/${reference.name}`;
    const object = client.get<WithData>(`/${resource}`, namespace, reference.name);
    const kind = resource === 'configmaps' ? 'configmap' : 'secret';
    if (!object) return { key, message: `${kind} "${reference.name}" not found` };
    if (reference.key === undefined || Object.hasOwn({ ...object.data, ...object.binaryData }, reference.key))
      continue;
    const title = resource === 'configmaps' ? 'ConfigMap' : 'Secret';
    return { key, message: `couldn't find key ${reference.key} in ${title} ${namespace}/${reference.name}` };
  }
  return undefined;
}
