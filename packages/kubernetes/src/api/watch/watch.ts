import { randomInt } from 'node:crypto';
import type { StoreEvent } from '../../store/store.ts';
import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { expired, invalid } from '../errors.ts';
import { parseRevision, selectionOf, type Selection } from '../registry/list.ts';
import { isTrue } from '../http/request-info.ts';
import { remindOfBookmarks } from './bookmarks.ts';
import { eventFrame, frame, type Bookmark, type FrameEncoder, type WatchType } from './frames.ts';

/** Where the lines of a watch go. */
export interface WatchSink {
  write(line: string): void;
  /** Bytes that the client has not taken yet. */
  unsentBytes(): number;
  end(): void;
  /** `stop` is called when the client goes or the server ends the stream. */
  onClose(stop: () => void): void;
}

const unsentBytesMax = 1024 * 1024;
const shortestDefaultSeconds = 1800;
const listOptionsKind = { group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' };

/**
 * Checks a watch request and answers how to run it. Throws 400 and 422 before anything is sent. A start that is too old
 * becomes an ERROR event with 410, as upstream's watch cache answers.
 */
export function prepareWatch(
  call: Call,
  query: URLSearchParams,
  encoder: FrameEncoder,
): (sink: WatchSink) => void {
  const selection = selectionOf(call, query);
  const initial = checkInitial(query);
  const text = query.get('resourceVersion') ?? '';
  const revision = text === '' ? 0 : parseRevision(text);
  const options: WatchOptions = {
    selection,
    initial,
    revision,
    fromNow: revision === 0,
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    timeoutSeconds:
      Number(query.get('timeoutSeconds') ?? 0) || shortestDefaultSeconds + randomInt(shortestDefaultSeconds),
  };
  return (sink) => run(call, { options, encoder, sink });
}

interface WatchOptions {
  selection: Selection;
  initial: boolean;
  revision: number;
  fromNow: boolean;
  bookmarks: boolean;
  timeoutSeconds: number;
}

interface Stream {
  options: WatchOptions;
  encoder: FrameEncoder;
  sink: WatchSink;
}

function run(call: Call, { options, encoder, sink }: Stream): void {
  const { store } = call.cluster;
  const resource = call.info.groupResource;
  const matches = options.selection.filter ?? (() => true);
  const bookmark = (marker?: Record<string, string>): void => {
    sink.write(frame('BOOKMARK', encoder.bookmark(bookmarkObject(call, String(store.revision()), marker))));
  };
  let allowance = unsentBytesMax;
  const deliver = (event: StoreEvent): void => {
    if (
      event.revision <= options.revision ||
      (call.namespace !== '' && event.key.namespace !== call.namespace)
    )
      return;
    const line = lineFor(event, matches, encoder);
    if (line === undefined) return;
    sink.write(line);
    // Its last bookmark or event tells the client where to go on.
    if (sink.unsentBytes() > allowance) sink.end();
  };
  const missed = options.fromNow || options.initial ? [] : store.since(resource, options.revision);
  if (missed === undefined) {
    const gone = expired(`too old resource version: ${options.revision} (${store.compactedRevision()})`);
    sink.write(frame('ERROR', JSON.stringify(gone.status)));
    sink.end();
    return;
  }
  if (options.fromNow || options.initial) {
    sendCurrent(call, { options, encoder, sink });
    // A large first list is no sign of a slow client.
    allowance += sink.unsentBytes();
    if (options.initial) bookmark({ 'k8s.io/initial-events-end': 'true' });
  } else for (const event of missed) deliver(event);
  const unsubscribe = store.subscribe(resource, deliver);
  const forget = options.bookmarks ? remindOfBookmarks({ bookmark }) : undefined;
  const timeout = setTimeout(() => {
    if (options.bookmarks) bookmark();
    sink.end();
  }, options.timeoutSeconds * 1000).unref();
  sink.onClose(() => {
    unsubscribe();
    forget?.();
    clearTimeout(timeout);
  });
}

function sendCurrent(call: Call, { options, encoder, sink }: Stream): void {
  const page = call.cluster.store.list(call.info.groupResource, {
    ...(call.namespace !== '' && { namespace: call.namespace }),
    ...(options.selection.filter && { filter: options.selection.filter }),
  });
  page.items.forEach((object, index) =>
    sink.write(frame('ADDED', encoder.encode(object, page.texts[index]))),
  );
  options.revision = call.cluster.store.revision();
}

/** The line for a change as this selector sees it: entering is ADDED, leaving is DELETED with the new revision. */
function lineFor(
  event: StoreEvent,
  matches: (object: KubeObject) => boolean,
  encoder: FrameEncoder,
): string | undefined {
  if (event.type === 'DELETED')
    return matches(event.object) ? eventFrame(event, 'DELETED', encoder) : undefined;
  const now = matches(event.object);
  const before = event.previous !== undefined && matches(event.previous);
  if (now) {
    const type: WatchType = before ? 'MODIFIED' : 'ADDED';
    return eventFrame(event, type, encoder);
  }
  if (!before || !event.previous) return undefined;
  const left = {
    ...event.previous,
    metadata: { ...event.previous.metadata, resourceVersion: String(event.revision) },
  };
  return frame('DELETED', encoder.encode(left, undefined));
}

function bookmarkObject(
  { info }: Call,
  resourceVersion: string,
  annotations?: Record<string, string>,
): Bookmark {
  const apiVersion = info.group === '' ? info.version : `${info.group}/${info.version}`;
  const metadata = { resourceVersion, creationTimestamp: null, ...(annotations && { annotations }) };
  return { kind: info.kind, apiVersion, metadata };
}

function checkInitial(query: URLSearchParams): boolean {
  if (!query.has('sendInitialEvents')) {
    if (query.get('resourceVersionMatch')) {
      throw refuse(
        'resourceVersionMatch',
        'Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    }
    return false;
  }
  if (query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw refuse(
      'resourceVersionMatch',
      'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
  return isTrue(query.get('sendInitialEvents'));
}

function refuse(field: string, message: string): Error {
  return invalid(listOptionsKind, '', [{ reason: 'FieldValueForbidden', message, field }]);
}
