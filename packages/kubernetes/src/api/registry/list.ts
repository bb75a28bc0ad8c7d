import type { KubeObject } from '../../types.ts';
import type { ListPage } from '../../store/store.ts';
import type { Call } from '../deps.ts';
import { badRequest, expired, invalid } from '../errors.ts';
import { StatusError } from '../status-error.ts';
import { parseFieldSelector, type FieldSelector } from '../select/field-selector.ts';
import { parseLabelSelector } from '../select/label-selector.ts';
import { decodeContinue, encodeContinue } from './list-tokens.ts';

/** A page with the list's metadata. */
export interface ObjectList {
  page: ListPage;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
}

export interface Selection {
  /** Undefined when everything is selected. */
  filter: ((object: KubeObject) => boolean) | undefined;
  field: FieldSelector | undefined;
}

/** Lists with selectors, paging and resourceVersion rules. Throws 400 and 410. */
export function listObjects(call: Call, query: URLSearchParams): ObjectList {
  const { store } = call.cluster;
  const revision = store.revision();
  const selection = selectionOf(call, query);
  const limit = Number(query.get('limit') ?? 0) || 0;
  const token = query.get('continue');
  let shown = checkRevision(query, revision, store.compactedRevision());
  let after: { namespace: string; name: string } | undefined;
  if (token) {
    if (
      query.has('resourceVersion') &&
      query.get('resourceVersion') !== '' &&
      query.get('resourceVersion') !== '0'
    ) {
      throw badRequest('specifying resource version is not allowed when using continue');
    }
    const place = decodeContinue(token);
    if (place.revision <= store.compactedRevision() && place.revision !== revision)
      throw expiredToken(place, revision);
    after = { namespace: place.namespace, name: place.name };
    shown = place.revision;
  }
  const page = store.list(call.info.groupResource, {
    ...(call.namespace !== '' && { namespace: call.namespace }),
    ...(limit > 0 && { limit }),
    ...(after && { after }),
    ...(shown !== revision && { atRevision: shown }),
    ...(selection.filter && { filter: selection.filter }),
  });
  return { page, metadata: listMetadata(page, shown, selection.filter === undefined) };
}

function listMetadata(page: ListPage, revision: number, exact: boolean): ObjectList['metadata'] {
  const last = page.more ? page.items.at(-1) : undefined;
  if (!last) return { resourceVersion: String(revision) };
  return {
    resourceVersion: String(revision),
    continue: encodeContinue({
      revision,
      namespace: last.metadata.namespace ?? '',
      name: last.metadata.name,
    }),
    ...(exact && page.remaining > 0 && { remainingItemCount: page.remaining }),
  };
}

/** Reads both selectors of a query; a path with a name selects that one. */
export function selectionOf(call: Call, query: URLSearchParams): Selection {
  const labelText = query.get('labelSelector');
  const fieldText = query.get('fieldSelector');
  const labels = labelText ? parseLabelSelector(labelText) : undefined;
  const field = fieldText ? parseFieldSelector(call.info, fieldText) : undefined;
  const { name } = call;
  const parts: ((object: KubeObject) => boolean)[] = [];
  if (name !== '') parts.push((object) => object.metadata.name === name);
  if (field) parts.push((object) => field.matches(object));
  if (labels) parts.push((object) => labels(object.metadata.labels));
  if (parts.length === 0) return { filter: undefined, field };
  return { filter: (object) => parts.every((part) => part(object)), field };
}

/**
 * Which revision to show. The newest state meets "any", "not older than" and the default; an exact one is what was asked
 * for, also for a first page with a resourceVersion and no match (upstream's legacy rule).
 */
function checkRevision(query: URLSearchParams, revision: number, compacted: number): number {
  const text = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    throw listOptionsProblem(
      `resourceVersionMatch: Unsupported value: "${match}": supported values: "Exact", "NotOlderThan", ""`,
    );
  }
  if (match !== '' && text === '') {
    throw listOptionsProblem(
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    );
  }
  if (match === 'Exact' && text === '0') {
    throw listOptionsProblem(
      'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    );
  }
  if (text === '' || text === '0') return revision;
  const asked = parseRevision(text);
  if (asked > revision) throw tooLarge(asked, revision);
  const exact = match === 'Exact' || (match === '' && Number(query.get('limit') ?? 0) > 0);
  if (!exact || asked === revision) return revision;
  if (asked <= compacted) throw expired(`The provided resource version is too old: ${asked} (${compacted})`);
  return asked;
}

/** Throws 400 for what is no revision. */
export function parseRevision(text: string): number {
  if (!/^\d+$/.test(text)) {
    throw invalid({ group: '', plural: 'listoptions', kind: 'ListOptions' }, '', [
      {
        reason: 'FieldValueInvalid',
        message: `Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`,
        field: 'resourceVersion',
      },
    ]);
  }
  return Number(text);
}

function listOptionsProblem(text: string): Error {
  return invalid({ group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' }, '', [
    { message: text.slice(text.indexOf(': ') + 2), field: text.slice(0, text.indexOf(': ')) },
  ]);
}

function tooLarge(asked: number, revision: number): Error {
  return new StatusError(504, 'Timeout', {
    message: `Timeout: Too large resource version: ${asked}, current: ${revision}`,
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  });
}

function expiredToken(place: { namespace: string; name: string }, revision: number): Error {
  const error = expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  );
  error.status.metadata = {
    continue: encodeContinue({ revision, namespace: place.namespace, name: place.name }),
  };
  return error;
}
