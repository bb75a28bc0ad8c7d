import type { Pod } from '../../objects.ts';
import type { ReplicaSet, ReplicationController } from '../../objects-workloads.ts';
import {
  keyOf,
  parseKey,
  watchOwned,
  watchSelf,
  type Change,
  type Context,
  type Controller,
  type Watch,
} from '../controller.ts';
import { findCondition } from '../shared/conditions.ts';
import { controllerOf } from '../shared/owners.ts';
import { isPod } from '../shared/pod-state.ts';
import { selects, selectsAll } from '../shared/selectors.ts';
import { reconcileReplicas } from './replicas.ts';

/** Keeps as many pods as a ReplicaSet wants. */
export const replicaSetController: Controller = {
  name: 'replicaset',
  watches: [
    watchSelf('apps/replicasets'),
    watchOwned('/pods', 'ReplicaSet'),
    {
      // A quota with room again lets those go on that it held back.
      resource: '/resourcequotas',
      keys: ({ object }, { client }) =>
        client
          .list<ReplicaSet>('apps/replicasets', { namespace: object.metadata.namespace ?? '' })
          .filter(({ status }) => findCondition(status?.conditions, 'ReplicaFailure') !== undefined)
          .map(keyOf),
    },
    orphanWatch((context, pod) =>
      context.client
        .list<ReplicaSet>('apps/replicasets', { namespace: pod.metadata.namespace ?? '' })
        .filter((set) => selects(set.spec.selector, pod.metadata.labels))
        .map(keyOf),
    ),
  ],
  async reconcile(key, context) {
    const { namespace, name } = parseKey(key);
    const object = context.client.get<ReplicaSet>('apps/replicasets', namespace, name);
    if (!object) return;
    const { selector, template } = object.spec;
    return reconcileReplicas(context, {
      resource: 'apps/replicasets',
      component: 'replicaset-controller',
      object,
      selector,
      template,
    });
  },
};

/** The same for the older ReplicationController, whose selector is a plain map. */
export const replicationController: Controller = {
  name: 'replication-controller',
  watches: [
    watchSelf('/replicationcontrollers'),
    watchOwned('/pods', 'ReplicationController'),
    orphanWatch((context, pod) =>
      context.client
        .list<ReplicationController>('/replicationcontrollers', { namespace: pod.metadata.namespace ?? '' })
        .filter((rc) => rc.spec.selector && selectsAll(rc.spec.selector, pod.metadata.labels))
        .map(keyOf),
    ),
  ],
  async reconcile(key, context) {
    const { namespace, name } = parseKey(key);
    const rc = context.client.get<ReplicationController>('/replicationcontrollers', namespace, name);
    if (!rc) return;
    const selector = rc.spec.selector ? { matchLabels: rc.spec.selector } : undefined;
    const object: ReplicaSet = { ...rc, spec: { ...rc.spec, selector: selector ?? {} } };
    const { template } = rc.spec;
    return reconcileReplicas(context, {
      resource: '/replicationcontrollers',
      component: 'replication-controller',
      object,
      selector,
      template,
    });
  },
};

function orphanWatch(find: (context: Context, pod: Pod) => string[]): Watch {
  return {
    resource: '/pods',
    keys: ({ object, deleted }: Change, context) =>
      deleted || !isPod(object) || controllerOf(object) ? [] : find(context, object),
  };
}
