import type { Condition, Namespace } from '../../objects.ts';
import type { GroupResource, KubeObject } from '../../types.ts';
import { refOf, type Change, type Context, type Controller } from '../controller.ts';
import type { Requeue } from '../queue.ts';
import { withCondition } from '../shared/conditions.ts';
import { sameValue } from '../shared/hash.ts';
import { namespacedResources } from '../shared/stored-resources.ts';

const FINALIZER = 'kubernetes';

/** Empties a namespace that is being deleted, says in its conditions what is left, and lets it go when nothing is. */
export const namespaceController: Controller = {
  name: 'namespace',
  watches: [
    {
      resource: '/namespaces',
      keys: ({ object, deleted }) =>
        !deleted && object.metadata.deletionTimestamp ? [object.metadata.name] : [],
    },
    { resource: '*', keys: contentChanged },
  ],
  async reconcile(name, context): Promise<Requeue | void> {
    const namespace = context.client.get<Namespace>('/namespaces', '', name);
    if (!namespace?.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes(FINALIZER)) return;
    const left = await deleteContent(context, name);
    if (left.length > 0) return writeConditions(context, namespace, left);
    await removeFinalizer(context, name);
  },
};

interface Left {
  resource: GroupResource;
  objects: readonly KubeObject[];
}

/** Only what goes, or loses its last finalizer, can bring a dying namespace further. */
function contentChanged({ object, deleted }: Change, context: Context): string[] {
  const { namespace, deletionTimestamp } = object.metadata;
  if (!namespace || !(deleted || deletionTimestamp)) return [];
  return context.client.get('/namespaces', '', namespace)?.metadata.deletionTimestamp ? [namespace] : [];
}

/** Deletes everything and answers what is still there afterwards. */
async function deleteContent(context: Context, namespace: string): Promise<Left[]> {
  const { client } = context;
  for (const resource of namespacedResources(client)) {
    const objects = client.store
      .list(resource, { namespace })
      .items.filter(({ metadata }) => !metadata.deletionTimestamp);
    // Only a few at a time: a big namespace must not keep everyone else waiting.
    for (let start = 0; start < objects.length; start += 50) {
      const batch = objects.slice(start, start + 50);
      await Promise.all(
        batch.map((object) =>
          client.delete(resource, refOf(object), {
            uid: object.metadata.uid,
            propagationPolicy: 'Background',
          }),
        ),
      );
    }
  }
  return namespacedResources(client)
    .map((resource) => ({ resource, objects: client.store.list(resource, { namespace }).items }))
    .filter(({ objects }) => objects.length > 0);
}

async function writeConditions(context: Context, namespace: Namespace, left: readonly Left[]): Promise<void> {
  const wanted = conditionsFor(left);
  await context.client.updateStatus<Namespace>('/namespaces', refOf(namespace), (current) => {
    let conditions = current.status?.conditions ?? [];
    for (const condition of wanted)
      conditions = withCondition(conditions, condition, { nowMs: context.clock.now() });
    if (sameValue(conditions, current.status?.conditions)) return false;
    current.status = { ...current.status, phase: 'Terminating', conditions };
    return true;
  });
}

/** Reasons and messages of pkg/controller/namespace/deletion. */
function conditionsFor(left: readonly Left[]): Condition[] {
  const remaining = left.map(
    ({ resource, objects }) => `${nameOf(resource)} has ${objects.length} resource instances`,
  );
  const counts = new Map<string, number>();
  for (const finalizer of left.flatMap(({ objects }) =>
    objects.flatMap(({ metadata }) => metadata.finalizers ?? []),
  )) {
    counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1);
  }
  const held = [...counts].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  return [
    fine('NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'),
    fine(
      'NamespaceDeletionGroupVersionParsingFailure',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    fine(
      'NamespaceDeletionContentFailure',
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ),
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      reason: 'SomeResourcesRemain',
      message: `Some resources are remaining: ${remaining.join(', ')}`,
    },
    held.length === 0
      ? fine(
          'NamespaceFinalizersRemaining',
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        )
      : {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${held.join(', ')}`,
        },
  ];
}

function fine(type: string, reason: string, message: string): Condition {
  return { type, status: 'False', reason, message };
}

/** `deployments.apps`, `pods.` as upstream prints a GroupResource of the core group. */
function nameOf(resource: GroupResource): string {
  const [group = '', plural = ''] = resource.split('/');
  return `${plural}.${group}`;
}

/** Writes past the registry, as the `finalize` subresource: updates cannot change `spec.finalizers`. */
async function removeFinalizer(context: Context, name: string): Promise<void> {
  await context.client.store.write({ resource: '/namespaces', namespace: '', name }, (current) => {
    if (!current || !isNamespace(current) || !current.metadata.deletionTimestamp) return { kind: 'none' };
    const finalizers = (current.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
    if (finalizers.length === 0 && (current.metadata.finalizers ?? []).length === 0)
      return { kind: 'delete' };
    return { kind: 'put', object: { ...current, spec: { ...current.spec, finalizers } } };
  });
}

function isNamespace(object: KubeObject): object is Namespace {
  return object.kind === 'Namespace';
}
