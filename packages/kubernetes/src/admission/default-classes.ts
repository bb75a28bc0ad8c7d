import { isObject } from '../auth/fields.ts';
import type { GroupResource, KubeObject } from '../types.ts';
import { concerns, type AdmissionContext } from './context.ts';

/** Names the default StorageClass in a new claim that asks for none; `""` asks for none at all. */
export function defaultStorageClass(context: AdmissionContext): void {
  if (context.operation !== 'CREATE' || !concerns(context, '/persistentvolumeclaims')) return;
  const spec = context.object?.['spec'];
  if (!isObject(spec) || spec['storageClassName'] !== undefined) return;
  if (context.object?.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return;
  const found = defaultOf(
    context,
    'storage.k8s.io/storageclasses',
    'storageclass.kubernetes.io/is-default-class',
  );
  if (found) spec['storageClassName'] = found;
}

/** Names the default IngressClass in a new Ingress without a class. */
export function defaultIngressClass(context: AdmissionContext): void {
  if (context.operation !== 'CREATE' || !concerns(context, 'networking.k8s.io/ingresses')) return;
  const spec = context.object?.['spec'];
  if (!isObject(spec) || spec['ingressClassName'] !== undefined) return;
  if (context.object?.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return;
  const found = defaultOf(
    context,
    'networking.k8s.io/ingressclasses',
    'ingressclass.kubernetes.io/is-default-class',
  );
  if (found) spec['ingressClassName'] = found;
}

/** The newest of the classes marked as default, then the first by name, as upstream chooses. */
function defaultOf(
  context: AdmissionContext,
  classes: GroupResource,
  annotation: string,
): string | undefined {
  const marked = context.store
    .list(classes)
    .items.filter((item) => item.metadata.annotations?.[annotation] === 'true');
  return marked.toSorted(newestFirst).at(0)?.metadata.name;
}

function newestFirst(a: KubeObject, b: KubeObject): number {
  const byTime = b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp);
  return byTime !== 0 ? byTime : a.metadata.name < b.metadata.name ? -1 : 1;
}
