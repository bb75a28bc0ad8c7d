import type { ControllerRevision } from '../../objects-workloads.ts';
import type { PodTemplate } from '../../objects.ts';
import type { KubeObject } from '../../types.ts';
import { refOf, type Context } from '../controller.ts';
import { controllerReference, isControlledBy } from './owners.ts';
import { sameValue, shortHash } from './hash.ts';
import { isStatus } from './pods.ts';

const RESOURCE = 'apps/controllerrevisions';

/** What StatefulSets and DaemonSets keep of a template, so that it can be rolled back to. */
export interface Revisions {
  current: ControllerRevision;
  all: ControllerRevision[];
}

interface Revisioned {
  owner: KubeObject;
  template: PodTemplate;
  collisionCount: number;
  /** Put on the revision besides the template's labels. */
  labels?: Record<string, string>;
}

/** The revision of the owner's template, made when it is new; a template that was used before gets the newest number. */
export async function ensureRevision(
  context: Context,
  { owner, template, collisionCount, labels }: Revisioned,
): Promise<Revisions> {
  const all = ownRevisions(context, owner);
  const data = { spec: { template: { ...template, $patch: 'replace' } } };
  const next = Math.max(0, ...all.map(({ revision }) => revision)) + 1;
  const known = all.find((revision) => sameValue(revision.data, data));
  if (known) {
    if (known.revision === next - 1) return { current: known, all };
    const raised = await context.client.update<ControllerRevision>(
      RESOURCE,
      refOf(known),
      (current) => void (current.revision = next),
    );
    return { current: raised ?? known, all: ownRevisions(context, owner) };
  }
  const hash = shortHash(template, collisionCount);
  const name = `${owner.metadata.name}-${hash}`;
  const namespace = owner.metadata.namespace ?? '';
  try {
    const current = await context.client.create<ControllerRevision>(RESOURCE, {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name,
        namespace,
        labels: { ...template.metadata?.labels, ...labels, 'controller-revision-hash': hash },
        ownerReferences: [controllerReference(owner)],
      },
      data,
      revision: next,
    });
    return { current, all: [...all, current] };
  } catch (error) {
    const existing = context.client.get<ControllerRevision>(RESOURCE, namespace, name);
    if (!isStatus(error, 'AlreadyExists') || !existing || !isControlledBy(existing, owner)) throw error;
    return { current: existing, all };
  }
}

/** The value of pods' `controller-revision-hash` label. */
export function hashOf(revision: ControllerRevision): string {
  return revision.metadata.labels?.['controller-revision-hash'] ?? revision.metadata.name;
}

/** The template that a revision keeps, if it has one. */
export function templateOf(revision: ControllerRevision | undefined): PodTemplate | undefined {
  const data = revision?.data;
  return isTemplateData(data) ? data.spec.template : undefined;
}

/** Deletes revisions that nothing uses beyond the limit, oldest first. */
export async function trimRevisions(
  context: Context,
  all: readonly ControllerRevision[],
  keep: { used: ReadonlySet<string>; limit: number },
): Promise<void> {
  const unused = all
    .filter((revision) => !keep.used.has(revision.metadata.name))
    .sort((a, b) => a.revision - b.revision);
  for (const revision of unused.slice(0, Math.max(0, unused.length - keep.limit))) {
    await context.client.delete(RESOURCE, refOf(revision), { uid: revision.metadata.uid });
  }
}

function ownRevisions(context: Context, owner: KubeObject): ControllerRevision[] {
  return context.client.store
    .dependents(owner.metadata.uid)
    .filter((object) => object.kind === 'ControllerRevision' && isControlledBy(object, owner))
    .flatMap(
      ({ metadata }) =>
        context.client.get<ControllerRevision>(RESOURCE, metadata.namespace ?? '', metadata.name) ?? [],
    );
}

function isTemplateData(data: unknown): data is { spec: { template: PodTemplate } } {
  if (typeof data !== 'object' || data === null || !('spec' in data)) return false;
  return typeof data.spec === 'object' && data.spec !== null && 'template' in data.spec;
}
