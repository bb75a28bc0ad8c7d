import type { Ingress, LoadBalancer, Service } from '../../objects-network.ts';
import { SIMULATED_ANNOTATION } from '../../simulation/node-object.ts';
import type { KubeObject } from '../../types.ts';
import {
  keyOf,
  parseKey,
  refOf,
  watchSelf,
  type Change,
  type Context,
  type Controller,
} from '../controller.ts';
import { isPod, isReady } from '../shared/pod-state.ts';
import { sameValue } from '../shared/hash.ts';
import { selectsAll } from '../shared/selectors.ts';
import { syncEndpoints } from './endpoint-slices.ts';

const ADDRESS_NOTICE =
  'The load balancer address is simulated: nothing listens there (TEST-NET-3, RFC 5737).';

/** Keeps Endpoints and EndpointSlices of Services with a selector. */
export const endpointsController: Controller = {
  name: 'endpoints',
  watches: [
    watchSelf('/services'),
    { resource: '/pods', keys: servicesOfPod },
    {
      resource: '/endpoints',
      keys: ({ object, deleted }) => (deleted ? [keyOf(object)] : []),
    },
    {
      resource: 'discovery.k8s.io/endpointslices',
      keys: ({ object, deleted }) => {
        const service = object.metadata.labels?.['kubernetes.io/service-name'];
        return deleted && service !== undefined ? [`${object.metadata.namespace ?? ''}/${service}`] : [];
      },
    },
  ],
  reconcile: (key, context) => syncEndpoints(context, key),
};

/** Gives Services of type LoadBalancer a simulated address and says so. */
export const loadBalancerController: Controller = {
  name: 'load-balancer',
  watches: [watchSelf('/services')],
  async reconcile(key, { client }) {
    const { namespace, name } = parseKey(key);
    const service = client.get<Service>('/services', namespace, name);
    if (!service || service.metadata.deletionTimestamp) return;
    const hasAddress = (service.status?.loadBalancer?.ingress ?? []).length > 0;
    const wantsAddress = service.spec?.type === 'LoadBalancer' && !service.spec.loadBalancerClass;
    if (hasAddress === wantsAddress) return;
    await client.updateStatus<Service>('/services', refOf(service), (current) => {
      current.status = {
        ...current.status,
        loadBalancer: wantsAddress ? addressFor(service, { ipMode: 'VIP' }) : {},
      };
      const { [SIMULATED_ANNOTATION]: _notice, ...others } = current.metadata.annotations ?? {};
      current.metadata.annotations = wantsAddress
        ? { ...others, [SIMULATED_ANNOTATION]: ADDRESS_NOTICE }
        : others;
    });
  },
};

/** Gives every Ingress a simulated address, as an ingress controller would. */
export const ingressController: Controller = {
  name: 'ingress',
  watches: [watchSelf('networking.k8s.io/ingresses')],
  async reconcile(key, { client }) {
    const { namespace, name } = parseKey(key);
    const ingress = client.get<Ingress>('networking.k8s.io/ingresses', namespace, name);
    if (
      !ingress ||
      ingress.metadata.deletionTimestamp ||
      (ingress.status?.loadBalancer?.ingress ?? []).length > 0
    )
      return;
    await client.updateStatus<Ingress>('networking.k8s.io/ingresses', refOf(ingress), (current) => {
      current.status = { ...current.status, loadBalancer: addressFor(ingress, {}) };
      current.metadata.annotations = {
        ...current.metadata.annotations,
        [SIMULATED_ANNOTATION]: ADDRESS_NOTICE,
      };
    });
  },
};

/** The same address for the same object. */
function addressFor({ metadata }: KubeObject, more: { ipMode?: string }): LoadBalancer {
  const digits = Number.parseInt(metadata.uid.replaceAll('-', '').slice(0, 6), 16) || 0;
  return { ingress: [{ ip: `203.0.113.${(digits % 254) + 1}`, ...more }] };
}

function servicesOfPod({ object, previous, deleted }: Change, { client }: Context): string[] {
  if (!isPod(object)) return [];
  const before = previous && isPod(previous) ? previous : undefined;
  // Most changes of a pod (events of its containers, heartbeats of others) do not concern Services.
  const concerns =
    deleted ||
    !before ||
    before.status?.podIP !== object.status?.podIP ||
    isReady(before) !== isReady(object) ||
    before.status?.phase !== object.status?.phase ||
    before.metadata.deletionTimestamp !== object.metadata.deletionTimestamp ||
    !sameValue(before.metadata.labels, object.metadata.labels);
  if (!concerns || (!deleted && !object.status?.podIP)) return [];
  return client
    .list<Service>('/services', { namespace: object.metadata.namespace ?? '' })
    .filter(
      ({ spec }) =>
        matches(spec?.selector, object.metadata.labels) || matches(spec?.selector, before?.metadata.labels),
    )
    .map(keyOf);
}

function matches(
  selector: Record<string, string> | undefined,
  labels: Record<string, string> | undefined,
): boolean {
  return selector !== undefined && Object.keys(selector).length > 0 && selectsAll(selector, labels);
}
