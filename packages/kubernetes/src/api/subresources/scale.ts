import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { invalid, notFound } from '../errors.ts';
import { applyScale } from '../apply/apply-scale.ts';
import { isApply } from '../apply/read-config.ts';
import type { ApiAnswer, ApiRequest, JsonAnswer } from '../http/answer.ts';
import { negotiate } from '../http/negotiate.ts';
import { readObject, toObject } from '../http/read-object.ts';
import { parsePatch } from '../patch/parse-patch.ts';
import { numberAt, recordAt } from '../registry/object.ts';
import { changeObject } from '../registry/update.ts';
import { formatLabelSelector, type LabelSelector } from '../select/label-selector.ts';

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale', plural: 'scales' };

/** GET, PUT and PATCH of `…/scale`: the replicas of a workload as `autoscaling/v1` Scale. */
export async function serveScale(call: Call, request: ApiRequest, verb: string): Promise<ApiAnswer> {
  const current = call.cluster.store.get(call.info.groupResource, call.namespace, call.name);
  if (!current) throw notFound(call.info, call.name);
  if (verb === 'get') return answerScale(request, scaleOf(current));
  const workload: Call = { ...call, subresource: '', managedSubresource: 'scale' };
  if (verb === 'patch' && isApply(request))
    return answerScale(request, scaleOf(await applyScale(workload, request)));
  const wantedOf = await readWanted(request, verb);
  const changed = await changeObject(workload, {
    from: (object) => {
      const wanted = wantedOf(scaleOf(object));
      const replicas = numberAt(recordAt(wanted, 'spec'), 'replicas') ?? 0;
      if (replicas < 0) {
        throw invalid(scaleKind, call.name, [
          {
            reason: 'FieldValueInvalid',
            message: `Invalid value: ${replicas}: must be greater than or equal to 0`,
            field: 'spec.replicas',
          },
        ]);
      }
      const metadata = { ...object.metadata, resourceVersion: wanted.metadata.resourceVersion };
      return { ...object, metadata, spec: { ...recordAt(object, 'spec'), replicas } };
    },
  });
  return answerScale(request, scaleOf(changed));
}

/** A PUT is the same for every state; a PATCH is applied to each. */
async function readWanted(request: ApiRequest, verb: string): Promise<(current: KubeObject) => KubeObject> {
  if (verb === 'update') {
    const wanted = await readObject(request, scaleKind);
    return () => wanted;
  }
  const body = request.parsedBody ?? (await request.readBody()).toString('utf8');
  const patch = parsePatch({ contentType: request.contentType, body, info: scaleKind });
  return (current) => {
    const wanted = toObject(request, {
      raw: { value: patch.apply(current), duplicates: [] },
      expected: scaleKind,
    });
    if (wanted.metadata.resourceVersion === current.metadata.resourceVersion)
      wanted.metadata.resourceVersion = '';
    return wanted;
  };
}

function scaleOf(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const spec = recordAt(object, 'spec');
  const replicas = numberAt(spec, 'replicas') ?? 0;
  const selector = selectorText(object);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: {
      replicas: numberAt(recordAt(object, 'status'), 'replicas') ?? 0,
      ...(selector && { selector }),
    },
  };
}

function selectorText(object: KubeObject): string {
  const selector = recordAt(recordAt(object, 'spec'), 'selector');
  if (!selector) return '';
  if (object.kind === 'ReplicationController') {
    return Object.entries(selector)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(',');
  }
  const typed: LabelSelector = selector;
  return formatLabelSelector(typed);
}

function answerScale(request: ApiRequest, scale: KubeObject): JsonAnswer {
  return { kind: 'json', status: 200, value: () => scale, negotiated: negotiate(request.accept) };
}
