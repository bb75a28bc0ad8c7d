import type { KubeObject } from '../../types.ts';
import { arrayAt, recordAt, textAt } from '../registry/object.ts';

type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** A new pod is Pending and has its quality-of-service class from the start. */
export function preparePod(object: KubeObject): void {
  object['status'] = { phase: 'Pending', qosClass: qosClassOf(object) };
}

/** Quality of service by requests and limits of all containers (k8s.io/kubernetes pkg/apis/core/v1/helper/qos). */
export function qosClassOf(pod: KubeObject): QosClass {
  const spec = recordAt(pod, 'spec');
  const containers = [...arrayAt(spec, 'containers'), ...arrayAt(spec, 'initContainers')];
  let any = false;
  let guaranteed = true;
  for (const container of containers) {
    const resources = recordAt(container, 'resources');
    const requests = recordAt(resources, 'requests');
    const limits = recordAt(resources, 'limits');
    for (const name of ['cpu', 'memory']) {
      const request = quantity(requests, name);
      const limit = quantity(limits, name);
      if (request !== '' || limit !== '') any = true;
      if (limit === '' || (request !== '' && request !== limit)) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** The quantity's text; zero counts as not set. */
function quantity(list: Record<string, unknown> | undefined, name: string): string {
  const value = list?.[name];
  const text = typeof value === 'number' ? String(value) : textAt(list, name);
  return text === '0' ? '' : text;
}
