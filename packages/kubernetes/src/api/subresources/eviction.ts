import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { notFound, tooManyRequests } from '../errors.ts';
import type { ApiAnswer, ApiRequest } from '../http/answer.ts';
import { negotiate } from '../http/negotiate.ts';
import { readObject } from '../http/read-object.ts';
import { deleteObject, parseDeleteRequest } from '../registry/delete.ts';
import { kubeTime, numberAt, recordAt, textAt } from '../registry/object.ts';
import { changeObject } from '../registry/update.ts';
import { matchLabelSelector, type LabelSelector } from '../select/label-selector.ts';
import { StatusError } from '../status-error.ts';

/** POST `pods/{name}/eviction`: deletes the pod if its disruption budget allows one more. Throws 429 when not. */
export async function evictPod(call: Call, request: ApiRequest): Promise<ApiAnswer> {
  const eviction = await readObject(request, { group: 'policy', version: 'v1', kind: 'Eviction' });
  const pod = call.cluster.store.get('/pods', call.namespace, call.name);
  if (!pod) throw notFound(call.info, call.name);
  const podCall: Call = { ...call, subresource: '' };
  if (countsAsRunning(pod)) await spendBudget(podCall, pod);
  await deleteObject(podCall, parseDeleteRequest(recordAt(eviction, 'deleteOptions'), request.query));
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  return { kind: 'json', status: 201, value: () => status, negotiated: negotiate(request.accept) };
}

function countsAsRunning(pod: KubeObject): boolean {
  const phase = textAt(recordAt(pod, 'status'), 'phase');
  return (
    pod.metadata.deletionTimestamp === undefined &&
    phase !== 'Pending' &&
    phase !== 'Succeeded' &&
    phase !== 'Failed'
  );
}

async function spendBudget(call: Call, pod: KubeObject): Promise<void> {
  const budgets = call.cluster.store
    .list('policy/poddisruptionbudgets', { namespace: call.namespace })
    .items.filter((budget) => {
      const selector: LabelSelector | undefined = recordAt(recordAt(budget, 'spec'), 'selector');
      return matchLabelSelector(selector)(pod.metadata.labels);
    });
  const [budget] = budgets;
  if (!budget) return;
  if (budgets.length > 1) {
    throw new StatusError(
      500,
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const info = call.cluster.deps.schema.findResource('policy', 'v1', 'poddisruptionbudgets');
  if (!info || call.dryRun) return checkBudget(budget, pod);
  const budgetCall: Call = { ...call, info, name: budget.metadata.name, subresource: 'status' };
  await changeObject(budgetCall, {
    from: (current) => {
      checkBudget(current, pod);
      const status = recordAt(current, 'status') ?? {};
      const disruptedPods = {
        ...recordAt(status, 'disruptedPods'),
        [pod.metadata.name]: kubeTime(call.cluster.deps.clock.now()),
      };
      const disruptionsAllowed = (numberAt(status, 'disruptionsAllowed') ?? 0) - 1;
      return {
        ...current,
        metadata: { ...current.metadata, resourceVersion: '' },
        status: { ...status, disruptedPods, disruptionsAllowed },
      };
    },
  });
}

function checkBudget(budget: KubeObject, pod: KubeObject): void {
  const status = recordAt(budget, 'status');
  if ((numberAt(status, 'observedGeneration') ?? 0) < (budget.metadata.generation ?? 0)) {
    throw tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10, [
      {
        reason: 'DisruptionBudget',
        message: `The disruption budget ${budget.metadata.name} is still being processed by the server.`,
      },
    ]);
  }
  if ((numberAt(status, 'disruptionsAllowed') ?? 0) > 0) return;
  const healthy = numberAt(status, 'currentHealthy') ?? 0;
  const desired = numberAt(status, 'desiredHealthy') ?? 0;
  throw tooManyRequests(`Cannot evict pod as it would violate the pod's disruption budget.`, 0, [
    {
      reason: 'DisruptionBudget',
      message: `The disruption budget ${budget.metadata.name} needs ${desired} healthy pods and has ${healthy} currently (pod ${pod.metadata.name})`,
    },
  ]);
}
