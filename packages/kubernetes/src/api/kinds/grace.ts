import type { KubeObject, ResourceInfo } from '../../types.ts';
import { numberAt, recordAt, textAt } from '../registry/object.ts';

const podDefaultSeconds = 30;

/** Seconds between the request to delete and the end. Only pods that run on a node get any. */
export function gracePeriodOf(info: ResourceInfo, object: KubeObject, asked: number | undefined): number {
  if (info.groupResource !== '/pods') return 0;
  const spec = recordAt(object, 'spec');
  const phase = textAt(recordAt(object, 'status'), 'phase');
  if (textAt(spec, 'nodeName') === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
  return asked ?? numberAt(spec, 'terminationGracePeriodSeconds') ?? podDefaultSeconds;
}
