import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { storedFormOf } from '../kinds/stored-form.ts';
import type { ObjectList } from '../registry/list.ts';
import { includePolicy, partialOf, tableOf, tableShell } from '../table/present.ts';
import type { Bookmark, FrameEncoder } from '../watch/frames.ts';
import type { ApiRequest, JsonAnswer } from './answer.ts';
import { negotiate, type Negotiated } from './negotiate.ts';

const objectShapes = ['Table', 'PartialObjectMetadata'] as const;
const listShapes = ['Table', 'PartialObjectMetadataList'] as const;

/** Chooses the form of a single object's answer. Throws 406. */
export function negotiateObject(request: ApiRequest): Negotiated {
  return negotiate(request.accept, objectShapes);
}

/** The same for a list, or for a watch (whose events hold single objects). */
export function negotiateList(request: ApiRequest, watch: boolean): Negotiated {
  return negotiate(request.accept, watch ? objectShapes : listShapes);
}

/** Answers one object in the form asked for; the text that the store already has is used as it is. */
export function answerObject(
  call: Call,
  request: ApiRequest,
  { object, status = 200 }: { object: KubeObject; status?: number },
): JsonAnswer {
  const negotiated = negotiateObject(request);
  if (negotiated.as === 'Table') {
    const value = tableOf(
      call,
      { items: [object], metadata: { resourceVersion: object.metadata.resourceVersion } },
      { negotiated, include: includePolicy(request.query) },
    );
    return { kind: 'json', status, value: () => value, negotiated };
  }
  if (negotiated.as === 'PartialObjectMetadata') {
    const value = partialOf(object, negotiated);
    return { kind: 'json', status, value: () => value, negotiated };
  }
  const form = storedFormOf(call.info);
  if (form) return { kind: 'json', status, value: () => form.fromStored(object), negotiated };
  const text = storedText(call, object);
  return { kind: 'json', status, value: () => object, ...(text !== undefined && { text }), negotiated };
}

function storedText({ cluster, info, namespace }: Call, object: KubeObject): string | undefined {
  const { store } = cluster;
  const { name } = object.metadata;
  if (store.get(info.groupResource, namespace, name) !== object) return undefined;
  return store.getText(info.groupResource, namespace, name);
}

/** Answers a list in the form asked for, joining stored texts where nothing must change. */
export function answerList(call: Call, request: ApiRequest, list: ObjectList): JsonAnswer {
  const negotiated = negotiateList(request, false);
  const { metadata, page } = list;
  if (negotiated.as === 'Table') {
    const value = tableOf(
      call,
      { items: page.items, metadata },
      { negotiated, include: includePolicy(request.query) },
    );
    return { kind: 'json', status: 200, value: () => value, negotiated };
  }
  if (negotiated.as === 'PartialObjectMetadataList') {
    const items = page.items.map((object) => partialOf(object, negotiated));
    const value = {
      kind: 'PartialObjectMetadataList',
      apiVersion: `meta.k8s.io/${negotiated.asVersion}`,
      metadata,
      items,
    };
    return { kind: 'json', status: 200, value: () => value, negotiated };
  }
  const { info } = call;
  const head = JSON.stringify({ kind: `${info.kind}List`, apiVersion: apiVersionOf(call), metadata });
  const form = storedFormOf(info);
  const texts = form ? page.items.map((object) => JSON.stringify(form.fromStored(object))) : page.texts;
  const text = `${head.slice(0, -1)},"items":[${texts.join(',')}]}`;
  return { kind: 'json', status: 200, value: () => JSON.parse(text), text, negotiated };
}

/** How each object of a watch is written. */
export function frameEncoder(call: Call, request: ApiRequest, negotiated: Negotiated): FrameEncoder {
  if (negotiated.as === 'Table') {
    const include = includePolicy(request.query);
    let first = true;
    return {
      share: undefined,
      encode: (object) => {
        const metadata = { resourceVersion: object.metadata.resourceVersion };
        const table = tableOf(call, { items: [object], metadata }, { negotiated, include });
        const shown = first ? table : { ...table, columnDefinitions: null };
        first = false;
        return JSON.stringify(shown);
      },
      bookmark: (object) =>
        JSON.stringify({
          ...tableShell(negotiated),
          metadata: { resourceVersion: object.metadata.resourceVersion },
          columnDefinitions: null,
          rows: bookmarkRows(object),
        }),
    };
  }
  if (negotiated.as === 'PartialObjectMetadata') {
    return {
      share: `partial ${negotiated.asVersion}`,
      encode: (object) => JSON.stringify(partialOf(object, negotiated)),
      bookmark: (object) => JSON.stringify(partialOf(object, negotiated)),
    };
  }
  const form = storedFormOf(call.info);
  if (form)
    return {
      share: call.info.group,
      encode: (object) => JSON.stringify(form.fromStored(object)),
      bookmark: (object) => JSON.stringify(object),
    };
  return {
    share: 'json',
    encode: (object, text) => text ?? JSON.stringify(object),
    bookmark: (object) => JSON.stringify(object),
  };
}

/** A bookmark has no cells; its row carries the annotations that end an initial list. */
function bookmarkRows(object: Bookmark): unknown[] {
  const { metadata } = object;
  return [{ cells: [], object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata } }];
}

function apiVersionOf({ info }: Call): string {
  return info.group === '' ? info.version : `${info.group}/${info.version}`;
}
