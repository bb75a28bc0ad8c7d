import type { Pod, PodTemplate } from '../../objects.ts';
import type { StatefulSet } from '../../objects-workloads.ts';
import type { PersistentVolumeClaim } from '../../objects-storage.ts';
import type { Context } from '../controller.ts';
import { controllerReference } from '../shared/owners.ts';
import { createPod } from '../shared/pods.ts';

export const STATEFULSET_COMPONENT = 'statefulset-controller';
export const REVISION_LABEL = 'controller-revision-hash';

/** The ordinal at the end of a pod's name; undefined for names that are not of this set. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`;
  const text = pod.metadata.name.startsWith(prefix) ? pod.metadata.name.slice(prefix.length) : '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Creates one pod with its stable name, host name and claims. */
export async function createOrdinal(
  context: Context,
  set: StatefulSet,
  wanted: { ordinal: number; template: PodTemplate; hash: string },
): Promise<Pod> {
  const { ordinal, template, hash } = wanted;
  const name = `${set.metadata.name}-${ordinal}`;
  await ensureClaims(context, set, ordinal);
  return createPod(context, {
    owner: set,
    template,
    name,
    component: STATEFULSET_COMPONENT,
    labels: {
      'statefulset.kubernetes.io/pod-name': name,
      'apps.kubernetes.io/pod-index': String(ordinal),
      [REVISION_LABEL]: hash,
    },
    adjust: (spec) => {
      spec.hostname = name;
      if (set.spec.serviceName) spec.subdomain = set.spec.serviceName;
      const claims = set.spec.volumeClaimTemplates ?? [];
      const others = (spec.volumes ?? []).filter(
        (volume) => !claims.some(({ metadata }) => metadata.name === volume.name),
      );
      const volumes = claims.map(({ metadata }) => ({
        name: metadata.name,
        persistentVolumeClaim: { claimName: claimName(set, metadata.name, ordinal) },
      }));
      if (volumes.length > 0) spec.volumes = [...others, ...volumes];
    },
  });
}

/** Deletes the claims of ordinals that were scaled away, where the retention policy wants it. */
export async function removeClaims(
  context: Context,
  set: StatefulSet,
  isWanted: (ordinal: number) => boolean,
): Promise<void> {
  if (set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete') return;
  const namespace = set.metadata.namespace ?? '';
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const prefix = claimName(set, template.metadata.name, '');
    for (const claim of context.client.list<PersistentVolumeClaim>('/persistentvolumeclaims', {
      namespace,
    })) {
      const text = claim.metadata.name.startsWith(prefix) ? claim.metadata.name.slice(prefix.length) : '';
      const isGone =
        /^\d+$/.test(text) &&
        !isWanted(Number(text)) &&
        !context.client.get('/pods', namespace, `${set.metadata.name}-${text}`);
      if (isGone)
        await context.client.delete(
          '/persistentvolumeclaims',
          { namespace, name: claim.metadata.name },
          { uid: claim.metadata.uid },
        );
    }
  }
}

async function ensureClaims(context: Context, set: StatefulSet, ordinal: number): Promise<void> {
  const namespace = set.metadata.namespace ?? '';
  const deletesWithSet = set.spec.persistentVolumeClaimRetentionPolicy?.whenDeleted === 'Delete';
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const name = claimName(set, template.metadata.name, ordinal);
    if (context.client.get('/persistentvolumeclaims', namespace, name)) continue;
    const labels = { ...template.metadata.labels, ...set.spec.selector.matchLabels };
    await context.client.create('/persistentvolumeclaims', {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name,
        namespace,
        labels,
        ...(template.metadata.annotations && { annotations: template.metadata.annotations }),
        ...(deletesWithSet && { ownerReferences: [controllerReference(set)] }),
      },
      spec: structuredClone(template.spec),
    });
    const message = `create Claim ${name} Pod ${set.metadata.name}-${ordinal} in StatefulSet ${set.metadata.name} success`;
    await context.client.event(set, {
      type: 'Normal',
      reason: 'SuccessfulCreate',
      message,
      component: STATEFULSET_COMPONENT,
    });
  }
}

function claimName(set: StatefulSet, template: string, ordinal: number | ''): string {
  return `${template}-${set.metadata.name}-${ordinal}`;
}
