import type {
  EndpointSlice,
  Endpoints,
  EndpointSubset,
  Service,
  SliceEndpoint,
} from '../../objects-network.ts';
import { parseKey, refOf, type Context } from '../controller.ts';
import { sameValue } from '../shared/hash.ts';
import { controllerReference } from '../shared/owners.ts';
import { isNamespaceTerminating, isStatus } from '../shared/pods.ts';
import { backendsOf, type Backend, type BackendGroup } from './backends.ts';

const SLICES = 'discovery.k8s.io/endpointslices';
const SERVICE_LABEL = 'kubernetes.io/service-name';
const MANAGED_LABEL = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';
const HEADLESS_LABEL = 'service.kubernetes.io/headless';
const ENDPOINTS_MAX = 100;

/** Writes the EndpointSlices and the Endpoints of one Service with a selector. */
export async function syncEndpoints(context: Context, key: string): Promise<void> {
  const { namespace, name } = parseKey(key);
  const service = context.client.get<Service>('/services', namespace, name);
  const selector = service?.spec?.selector;
  if (!service || !selector || Object.keys(selector).length === 0 || service.metadata.deletionTimestamp)
    return;
  const groups = backendsOf(context, service);
  try {
    await syncSlices(context, service, groups);
    await syncLegacy(context, service, groups);
  } catch (error) {
    if (!isNamespaceTerminating(error)) throw error;
  }
}

async function syncSlices(
  context: Context,
  service: Service,
  groups: readonly BackendGroup[],
): Promise<void> {
  const { client } = context;
  const existing = client
    .list<EndpointSlice>(SLICES, {
      namespace: service.metadata.namespace ?? '',
      labels: { [SERVICE_LABEL]: service.metadata.name },
    })
    .filter(({ metadata }) => metadata.labels?.[MANAGED_LABEL] === MANAGER);
  const wanted = groups.flatMap((group) => slicesFor(group));
  if (wanted.length === 0) wanted.push({ endpoints: [], ports: [] });
  const labels = labelsFor(service);
  for (const [index, content] of wanted.entries()) {
    const slice = existing[index];
    if (!slice) {
      await createSlice(context, service, content);
    } else if (!sameValue(contentOf(slice), content) || !sameValue(slice.metadata.labels, labels)) {
      await client.update<EndpointSlice>(SLICES, refOf(slice), (current) => {
        Object.assign(current, content);
        current.metadata.labels = labels;
      });
    }
  }
  for (const slice of existing.slice(wanted.length))
    await client.delete(SLICES, refOf(slice), { uid: slice.metadata.uid });
}

type SliceContent = Pick<EndpointSlice, 'endpoints' | 'ports'>;

function contentOf({ endpoints, ports }: EndpointSlice): SliceContent {
  return { endpoints: endpoints ?? [], ports: ports ?? [] };
}

function slicesFor({ ports, backends }: BackendGroup): SliceContent[] {
  const slices: SliceContent[] = [];
  for (let start = 0; start < backends.length; start += ENDPOINTS_MAX) {
    slices.push({
      endpoints: backends.slice(start, start + ENDPOINTS_MAX).map(endpointOf),
      ports: ports.map(({ name, port, protocol, appProtocol }) => ({
        name,
        port,
        protocol,
        ...(appProtocol !== undefined && { appProtocol }),
      })),
    });
  }
  return slices;
}

function endpointOf({
  ip,
  ready,
  serving,
  terminating,
  nodeName,
  hostname,
  zone,
  targetRef,
}: Backend): SliceEndpoint {
  return {
    addresses: [ip],
    conditions: { ready, serving, terminating },
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    ...(zone !== undefined && { zone }),
    targetRef,
  };
}

async function createSlice(context: Context, service: Service, content: SliceContent): Promise<void> {
  await context.client.create(SLICES, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace ?? '',
      labels: labelsFor(service),
      ownerReferences: [controllerReference(service)],
    },
    addressType: 'IPv4',
    ...content,
  });
}

function labelsFor(service: Service): Record<string, string> {
  return {
    ...service.metadata.labels,
    ...(service.spec?.clusterIP === 'None' && { [HEADLESS_LABEL]: '' }),
    [SERVICE_LABEL]: service.metadata.name,
    [MANAGED_LABEL]: MANAGER,
  };
}

/** The older Endpoints object of the same name. */
async function syncLegacy(
  context: Context,
  service: Service,
  groups: readonly BackendGroup[],
): Promise<void> {
  const { client } = context;
  const ref = refOf(service);
  const subsets = groups.map(subsetOf);
  const labels = {
    ...service.metadata.labels,
    'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
    ...(service.spec?.clusterIP === 'None' && { [HEADLESS_LABEL]: '' }),
  };
  const existing = client.get<Endpoints>('/endpoints', ref.namespace, ref.name);
  if (existing) {
    if (sameValue(existing.subsets ?? [], subsets) && sameValue(existing.metadata.labels, labels)) return;
    await client.update<Endpoints>('/endpoints', ref, (current) => {
      if (subsets.length > 0) current.subsets = subsets;
      else delete current.subsets;
      current.metadata.labels = labels;
    });
    return;
  }
  try {
    await client.create('/endpoints', {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { ...ref, labels },
      ...(subsets.length > 0 && { subsets }),
    });
  } catch (error) {
    if (!isStatus(error, 'AlreadyExists')) throw error;
  }
}

function subsetOf({ ports, backends }: BackendGroup): EndpointSubset {
  const address = ({ ip, hostname, nodeName, targetRef }: Backend) => ({
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    targetRef,
  });
  const up = backends.filter(({ ready }) => ready).map(address);
  const down = backends.filter(({ ready, terminating }) => !ready && !terminating).map(address);
  return {
    ...(up.length > 0 && { addresses: up }),
    ...(down.length > 0 && { notReadyAddresses: down }),
    ports: ports.map(({ name, port, protocol, appProtocol }) => ({
      ...(name !== '' && { name }),
      port,
      protocol,
      ...(appProtocol !== undefined && { appProtocol }),
    })),
  };
}
