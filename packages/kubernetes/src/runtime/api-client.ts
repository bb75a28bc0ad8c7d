import type { ApiClient, ClientListOptions, DeleteOptions, NewObject, Ref } from '../api/client.ts';
import type { Call, ClusterApi } from '../api/deps.ts';
import { createObject } from '../api/registry/create.ts';
import { deleteObject, type DeleteRequest } from '../api/registry/delete.ts';
import { copyJson } from '../api/registry/object.ts';
import { changeObject } from '../api/registry/update.ts';
import { StatusError } from '../api/status-error.ts';
import type { ListOptions } from '../store/store.ts';
import type { GroupResource, KubeObject, ResourceInfo, UserInfo } from '../types.ts';
import { recordEvent } from './record-event.ts';

/** The in-process client of one cluster: the registry without HTTP, as a system user with every right. */
export function createApiClient(cluster: ClusterApi, username: string): ApiClient {
  const { store } = cluster;
  const user: UserInfo = { username, groups: ['system:masters', 'system:authenticated'] };

  const callFor = (resource: GroupResource, ref: Ref, subresource = ''): Call =>
    callOf({ cluster, user }, resource, { ...ref, subresource });

  const client: ApiClient = {
    clusterId: cluster.id,
    store,
    get: <T extends KubeObject>(resource: GroupResource, namespace: string, name: string) => {
      const object = store.get(resource, namespace, name);
      return object && typed<T>(object);
    },
    list: <T extends KubeObject>(resource: GroupResource, options: ClientListOptions = {}) =>
      store.list(resource, listOptions(options)).items.map((object) => typed<T>(object)),
    async create<T extends KubeObject>(resource: GroupResource, object: NewObject) {
      const { name = '', namespace = '' } = object.metadata;
      const copy = copyJson(object);
      const whole: KubeObject = {
        ...copy,
        metadata: { ...copy.metadata, name, uid: '', resourceVersion: '', creationTimestamp: '' },
      };
      return typed<T>(await createObject(callFor(resource, { namespace, name }), whole));
    },
    update: (resource, ref, edit) => change(callFor(resource, ref), edit),
    updateStatus: (resource, ref, edit) => change(callFor(resource, ref, 'status'), edit),
    async delete(resource: GroupResource, ref: Ref, options: DeleteOptions = {}) {
      try {
        await deleteObject(callFor(resource, ref), deleteRequest(options));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
    event: (about, event) => recordEvent(client, { about, ...event, nowMs: cluster.deps.clock.now() }),
  };
  return client;
}

function callOf(
  { cluster, user }: { cluster: ClusterApi; user: UserInfo },
  resource: GroupResource,
  { namespace, name, subresource }: Ref & { subresource: string },
): Call {
  const info = infoOf(cluster, resource);
  return {
    cluster,
    user,
    info,
    namespace: info.namespaced ? namespace : '',
    name,
    subresource,
    dryRun: false,
    fieldManager: user.username.replace(/^system:/, ''),
    warn: () => undefined,
  };
}

async function change<T extends KubeObject>(
  call: Call,
  edit: (object: T) => boolean | void,
): Promise<T | undefined> {
  try {
    const stored = await changeObject(call, {
      from: (current) => {
        const copy = typed<T>(copyJson(current));
        return edit(copy) === false ? undefined : unlocked(copy);
      },
    });
    return typed<T>(stored);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** `T` is the caller's word for the kind that lives under a resource. */
function typed<T extends KubeObject>(object: KubeObject): T {
  return object as T;
}

const infoByResource = new WeakMap<object, Map<GroupResource, ResourceInfo>>();

/** The kind that lives under a store key, at its preferred version. */
export function infoOf(cluster: ClusterApi, resource: GroupResource): ResourceInfo {
  const { schema } = cluster.deps;
  let known = infoByResource.get(schema);
  if (!known) {
    known = new Map();
    for (const info of schema.servedResources())
      if (!known.has(info.groupResource)) known.set(info.groupResource, info);
    infoByResource.set(schema, known);
  }
  const info = known.get(resource);
  if (!info) throw new StatusError(404, 'NotFound', `the server does not serve ${resource}`);
  return info;
}

/** A change made by re-reading needs no lock of its own: the write repeats it on the newest state. */
function unlocked<T extends KubeObject>(object: T): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: '' } };
}

function listOptions({ namespace, labels }: ClientListOptions): ListOptions {
  const wanted = Object.entries(labels ?? {});
  return {
    ...(namespace !== undefined && { namespace }),
    ...(wanted.length > 0 && {
      filter: (object: KubeObject) => wanted.every(([key, value]) => object.metadata.labels?.[key] === value),
    }),
  };
}

function deleteRequest(options: DeleteOptions): DeleteRequest {
  return {
    ...(options.uid !== undefined && { uid: options.uid }),
    ...(options.gracePeriodSeconds !== undefined && { gracePeriodSeconds: options.gracePeriodSeconds }),
    ...(options.propagationPolicy !== undefined && { propagationPolicy: options.propagationPolicy }),
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof StatusError && error.status.code === 404;
}
