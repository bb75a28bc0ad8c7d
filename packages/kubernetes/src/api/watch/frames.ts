import type { StoreEvent } from '../../store/store.ts';
import type { KubeObject } from '../../types.ts';

/** Says how far a watch is: an object of the kind with a revision and maybe annotations. */
export interface Bookmark {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; creationTimestamp: null; annotations?: Record<string, string> };
}

export type WatchType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** Turns objects into the JSON text that a watch asked for: the object itself, its metadata, or a table row. */
export interface FrameEncoder {
  /** Names the encoding, to share frames between equal watches; undefined when frames depend on the watch. */
  readonly share: string | undefined;
  encode(object: KubeObject, text: string | undefined): string;
  /** The same for an object that has only a revision and annotations. */
  bookmark(object: Bookmark): string;
}

const shared = new WeakMap<StoreEvent, Map<string, string>>();

/** One line of a watch. Lines of the same change in the same form are made once for all watchers. */
export function eventFrame(event: StoreEvent, type: WatchType, encoder: FrameEncoder): string {
  if (encoder.share === undefined) return frame(type, encoder.encode(event.object, event.text));
  let frames = shared.get(event);
  if (!frames) shared.set(event, (frames = new Map()));
  const key = `${type} ${encoder.share}`;
  let line = frames.get(key);
  if (line === undefined) frames.set(key, (line = frame(type, encoder.encode(event.object, event.text))));
  return line;
}

export function frame(type: WatchType, json: string): string {
  return `{"type":"${type}","object":${json}}\n`;
}
