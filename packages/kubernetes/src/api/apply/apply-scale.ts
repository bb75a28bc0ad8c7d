import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { badRequest } from '../errors.ts';
import type { ApiRequest } from '../http/answer.ts';
import { numberAt, recordAt } from '../registry/object.ts';
import { applyObject } from './apply-object.ts';
import { readApplyRequest } from './read-config.ts';

/** Server-side apply of `…/scale`: the replicas of the workload become the manager's. `call` is the workload's. */
export async function applyScale(call: Call, request: ApiRequest): Promise<KubeObject> {
  const wanted = await readApplyRequest(request, { apiVersion: 'autoscaling/v1', kind: 'Scale' });
  const replicas = numberAt(recordAt(wanted.config, 'spec'), 'replicas');
  if (replicas !== undefined && (!Number.isInteger(replicas) || replicas < 0))
    throw badRequest('spec.replicas must be greater than or equal to 0');
  const { info } = call;
  const apiVersion = info.group === '' ? info.version : `${info.group}/${info.version}`;
  const spec = replicas === undefined ? {} : { spec: { replicas } };
  const config = {
    apiVersion,
    kind: info.kind,
    metadata: recordAt(wanted.config, 'metadata') ?? {},
    ...spec,
  };
  return (await applyObject(call, { request, wanted: { ...wanted, config } })).object;
}
