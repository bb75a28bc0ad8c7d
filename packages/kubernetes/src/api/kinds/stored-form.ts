import type { KubeObject, ResourceInfo } from '../../types.ts';
import { eventFromStored, eventToStored } from './events-view.ts';

/** How a kind that is a view of another one's store is read and written. */
export interface StoredForm {
  fromStored(object: KubeObject): KubeObject;
  toStored(object: KubeObject): KubeObject;
}

const eventsView: StoredForm = { fromStored: eventFromStored, toStored: eventToStored };

/** Undefined for kinds that are stored as they are served. */
export function storedFormOf(info: Pick<ResourceInfo, 'group' | 'groupResource'>): StoredForm | undefined {
  return info.group === 'events.k8s.io' ? eventsView : undefined;
}
