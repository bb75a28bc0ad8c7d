import { forbidden } from '../../auth/forbidden.ts';
import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { badRequest, conflict, notFound } from '../errors.ts';
import type { ApiRequest } from '../http/answer.ts';
import { toObject } from '../http/read-object.ts';
import { storedFormOf } from '../kinds/stored-form.ts';
import { createObject } from '../registry/create.ts';
import { recordAt, textAt } from '../registry/object.ts';
import { changeObject } from '../registry/update.ts';
import { StatusError } from '../status-error.ts';
import { applyConfig } from './apply-managers.ts';
import { everyField, fieldsOf } from './typed/fields-of.ts';
import { appliedClientSide, migratingManager, syncLastApplied } from './last-applied.ts';
import { readManagers, writeManagers, type Manager } from './managers.ts';
import { ownable } from './typed/ownable.ts';
import type { ApplyRequest } from './read-config.ts';
import { resetFields } from './reset-fields.ts';
import { shapeOfKind } from './typed/shape.ts';
import { managerOf } from './track-update.ts';
import { recursiveDifference, withoutSelf } from './typed/field-set.ts';

/** Upstream's name for whoever set the fields of an object that has been applied for the first time. */
const beforeFirstApply = 'before-first-apply';

/** PATCH with `application/apply-patch+yaml`: makes the object when there is none. Throws 400, 403, 404, 409 and 422. */
export async function applyObject(
  given: Call,
  { request, wanted }: { request: ApiRequest; wanted: ApplyRequest },
): Promise<{ object: KubeObject; created: boolean }> {
  const call: Call = { ...given, fieldManager: wanted.fieldManager, applied: true };
  checkIdentity(call, wanted.config);
  checkConfig(call, wanted.config);
  const { store } = call.cluster;
  if (!store.get(call.info.groupResource, call.namespace, call.name)) {
    const made = await createApplied(call, { request, wanted });
    if (made) return { object: made, created: true };
  }
  const object = await changeObject(call, {
    from: (current) => {
      const next = applyTo(call, { request, wanted, current });
      call.cluster.deps.checkEscalation(call, next, current);
      return next;
    },
  });
  return { object, created: false };
}

interface Work {
  request: ApiRequest;
  wanted: ApplyRequest;
}

/** Answers undefined when somebody else made the object meanwhile. */
async function createApplied(call: Call, work: Work): Promise<KubeObject | undefined> {
  const { cluster, info, namespace, name, user } = call;
  if (call.subresource !== '' || call.managedSubresource) throw notFound(info, name);
  const attributes = {
    verb: 'create',
    group: info.group,
    version: info.version,
    resource: info.plural,
    subresource: '',
    namespace,
    name,
  };
  const { allowed, reason } = cluster.deps.authorize(cluster, user, attributes);
  if (!allowed) throw forbidden(user, attributes, reason);
  const uid = textAt(recordAt(work.wanted.config, 'metadata'), 'uid');
  if (uid)
    throw conflict(
      info,
      name,
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
  const object = applyTo(call, { ...work, current: undefined });
  cluster.deps.checkEscalation({ cluster, user }, object);
  try {
    return await createObject(call, object);
  } catch (error) {
    if (error instanceof StatusError && error.status.reason === 'AlreadyExists') return undefined;
    throw error;
  }
}

/** The object after the apply, with its managedFields. */
function applyTo(
  call: Call,
  { request, wanted, current }: Work & { current: KubeObject | undefined },
): KubeObject {
  const { info } = call;
  const form = storedFormOf(info);
  const live = current && form ? form.fromStored(current) : current;
  const apiVersion = textAt(wanted.config, 'apiVersion');
  const shape = shapeOfKind(apiVersion, info.kind);
  const reset = resetFields(info, call.subresource);
  const self = managerOf(call, 'Apply', apiVersion);
  const migrates = live && wanted.fieldManager === migratingManager;
  const { object, managers } = applyConfig({
    live: live ?? {},
    config: { ...wanted.config, metadata: { name: call.name, ...recordAt(wanted.config, 'metadata') } },
    shape,
    managers: live ? managersOf(call, live) : [],
    self,
    force: wanted.force,
    reset,
    ...(migrates && { forgiven: appliedClientSide(live, shape) }),
  });
  if (migrates) syncLastApplied(object, wanted.config);
  const metadata = { ...recordAt(object, 'metadata') };
  delete metadata['managedFields'];
  // Only a configuration that names a revision insists on it.
  metadata['resourceVersion'] = textAt(recordAt(wanted.config, 'metadata'), 'resourceVersion');
  const result = toObject(request, {
    raw: { value: { ...object, metadata }, duplicates: wanted.duplicates },
    expected: info,
  });
  const stored = form?.toStored(result) ?? result;
  const managedFields = writeManagers(managers);
  return { ...stored, metadata: { ...stored.metadata, ...(managedFields && { managedFields }) } };
}

/** Where nobody's fields are known, all that is there was set before the first apply. */
function managersOf(call: Call, live: KubeObject): Manager[] {
  const known = readManagers(live.metadata.managedFields) ?? [];
  if (known.length > 0) return known;
  const shape = shapeOfKind(live.apiVersion, live.kind);
  const set = recursiveDifference(
    withoutSelf(everyField(ownable(live), shape)),
    resetFields(call.info, call.subresource),
  );
  return [{ ...managerOf(call, 'Update', live.apiVersion), manager: beforeFirstApply, subresource: '', set }];
}

function checkIdentity(call: Call, config: Record<string, unknown>): void {
  const metadata = recordAt(config, 'metadata');
  const name = textAt(metadata, 'name');
  const namespace = textAt(metadata, 'namespace');
  if (name && name !== call.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${call.name})`);
  if (call.info.namespaced && namespace && namespace !== call.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** Fields that the schema lacks or lists name twice. Upstream answers these with a bare 500. */
function checkConfig(call: Call, config: Record<string, unknown>): void {
  const problems: string[] = [];
  const { apiVersion: _version, kind: _kind, ...fields } = config;
  const apiVersion = textAt(config, 'apiVersion');
  fieldsOf(fields, shapeOfKind(apiVersion, call.info.kind), problems);
  if (problems.length === 0) return;
  const groupVersion = call.info.group === '' ? `/${call.info.version}` : apiVersion;
  const subject = `${call.namespace}/${call.name}; ${groupVersion}, Kind=${call.info.kind}`;
  const text = problems.length === 1 ? (problems[0] ?? '') : `errors:\n  ${problems.join('\n  ')}`;
  throw new StatusError(500, '', `failed to create typed patch object (${subject}): ${text}`);
}
