import type { NewObject } from '../../api/client.ts';
import { StatusError } from '../../api/status-error.ts';
import type { Pod, PodTemplate } from '../../objects.ts';
import type { KubeObject } from '../../types.ts';
import { refOf, type Context } from '../controller.ts';
import { controllerReference } from './owners.ts';

export interface PodPlan {
  owner: KubeObject;
  template: PodTemplate;
  /** A fixed name; generated from the owner's name otherwise. */
  name?: string;
  generateName?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  /** The event component, `replicaset-controller`. */
  component: string;
  adjust?(spec: PodTemplate['spec']): void;
}

/** Creates one pod of a workload and records the event; a refused pod is recorded too and thrown again. */
export async function createPod(context: Context, plan: PodPlan): Promise<Pod> {
  const { owner, component } = plan;
  try {
    const pod = await context.client.create<Pod>('/pods', podFromTemplate(plan));
    await context.client.event(owner, {
      type: 'Normal',
      reason: 'SuccessfulCreate',
      message: `Created pod: ${pod.metadata.name}`,
      component,
    });
    return pod;
  } catch (error) {
    if (isNamespaceTerminating(error)) throw error;
    const message = `Error creating: ${error instanceof Error ? error.message : String(error)}`;
    await context.client.event(owner, { type: 'Warning', reason: 'FailedCreate', message, component });
    throw error;
  }
}

/** Deletes one pod of a workload and records the event. */
export async function deletePod(
  context: Context,
  owner: KubeObject,
  removal: { pod: Pod; component: string },
): Promise<void> {
  const { pod, component } = removal;
  await context.client.delete('/pods', refOf(pod), { uid: pod.metadata.uid });
  await context.client.event(owner, {
    type: 'Normal',
    reason: 'SuccessfulDelete',
    message: `Deleted pod: ${pod.metadata.name}`,
    component,
  });
}

/** A create that fails because its namespace is going away needs no event and no retry. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    (error.status.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')
  );
}

export function isStatus(error: unknown, reason: string): boolean {
  return error instanceof StatusError && error.status.reason === reason;
}

function podFromTemplate(plan: PodPlan): NewObject {
  const { owner, template } = plan;
  const spec = structuredClone(template.spec);
  plan.adjust?.(spec);
  const finalizers = [...(template.metadata?.finalizers ?? []), ...(plan.finalizers ?? [])];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(plan.name === undefined
        ? { generateName: plan.generateName ?? `${owner.metadata.name}-` }
        : { name: plan.name }),
      ...(owner.metadata.namespace !== undefined && { namespace: owner.metadata.namespace }),
      labels: { ...template.metadata?.labels, ...plan.labels },
      annotations: { ...template.metadata?.annotations, ...plan.annotations },
      ...(finalizers.length > 0 && { finalizers }),
      ownerReferences: [controllerReference(owner)],
    },
    spec,
  };
}
