import type { Call } from '../deps.ts';
import { badRequest, conflict } from '../errors.ts';
import type { ApiAnswer, ApiRequest } from '../http/answer.ts';
import { negotiate } from '../http/negotiate.ts';
import { readObject } from '../http/read-object.ts';
import { kubeTime, recordAt, textAt } from '../registry/object.ts';
import { changeObject } from '../registry/update.ts';
import type { KubeObject } from '../../types.ts';

/** POST `pods/{name}/binding` or `bindings`: puts a pod on a node, once. Throws 409 when it is on one. */
export async function bindPod(call: Call, request: ApiRequest): Promise<ApiAnswer> {
  const binding = await readObject(request, { group: '', version: 'v1', kind: 'Binding' });
  const node = textAt(recordAt(binding, 'target'), 'name');
  if (node === '') throw badRequest('target.name: Required value');
  const name = call.name === '' ? binding.metadata.name : call.name;
  const podCall: Call = { ...call, name, subresource: 'binding' };
  await changeObject(podCall, { from: (pod) => bound(podCall, pod, { node, binding }) });
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  return { kind: 'json', status: 201, value: () => status, negotiated: negotiate(request.accept) };
}

function bound(
  call: Call,
  pod: KubeObject,
  { node, binding }: { node: string; binding: KubeObject },
): KubeObject {
  const refuse = (why: string): Error =>
    conflict({ group: '', plural: 'pods/binding', kind: 'Binding' }, call.name, why);
  const spec = recordAt(pod, 'spec') ?? {};
  if (pod.metadata.deletionTimestamp !== undefined)
    throw refuse(`pod ${call.name} is being deleted, cannot be assigned to a host`);
  if (textAt(spec, 'nodeName') !== '')
    throw refuse(`pod ${call.name} is already assigned to node "${textAt(spec, 'nodeName')}"`);
  const status = recordAt(pod, 'status') ?? {};
  const now = kubeTime(call.cluster.deps.clock.now());
  const others = Array.isArray(status['conditions'])
    ? status['conditions'].filter((condition: unknown) => textAt(condition, 'type') !== 'PodScheduled')
    : [];
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now };
  const annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      resourceVersion: '',
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: { ...spec, nodeName: node },
    status: { ...status, conditions: [...others, scheduled] },
  };
}
