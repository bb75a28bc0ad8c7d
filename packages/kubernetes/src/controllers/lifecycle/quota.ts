import { computeQuotaUsage } from '../../admission/resource-quota.ts';
import type { ResourceQuota } from '../../objects-network.ts';
import { isFinished, isPod } from '../shared/pod-state.ts';
import {
  keyOf,
  parseKey,
  refOf,
  watchSelf,
  type Change,
  type Context,
  type Controller,
} from '../controller.ts';
import { sameValue } from '../shared/hash.ts';

/** Writes what is used into the status of ResourceQuotas. Enforcement is admission's, and does not wait for this. */
export const quotaController: Controller = {
  name: 'resource-quota',
  watches: [watchSelf('/resourcequotas'), { resource: '*', keys: quotasOf }],
  async reconcile(key, { client, clock }) {
    const { namespace, name } = parseKey(key);
    const quota = client.get<ResourceQuota>('/resourcequotas', namespace, name);
    if (!quota || quota.metadata.deletionTimestamp) return;
    const status = {
      hard: quota.spec?.hard ?? {},
      used: computeQuotaUsage(client.store, quota, clock.now()),
    };
    if (sameValue(quota.status, status)) return;
    await client.updateStatus<ResourceQuota>(
      '/resourcequotas',
      refOf(quota),
      (current) => void (current.status = status),
    );
  },
};

/** Usage changes when an object comes or goes, or when what is counted of it changes. */
function quotasOf({ object, previous, deleted, resource }: Change, { client }: Context): string[] {
  const { namespace } = object.metadata;
  if (!namespace || resource === '/events' || resource === '/resourcequotas') return [];
  const changed =
    deleted ||
    !previous ||
    (isPod(object) && isPod(previous) && isFinished(object) !== isFinished(previous)) ||
    (resource === '/services' || resource === '/persistentvolumeclaims'
      ? !sameValue(previous['spec'], object['spec'])
      : false);
  return changed ? client.list<ResourceQuota>('/resourcequotas', { namespace }).map(keyOf) : [];
}
