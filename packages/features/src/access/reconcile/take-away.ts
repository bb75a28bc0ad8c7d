import {
  deleteObject,
  metadataOf,
  printable,
  readObject,
  replaceObject,
} from '@hexabase/cluster/ensure-object.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { clause } from '@hexabase/kernel/text/sentences.ts';
import { catching, named, troubleWith, type Collection, type Trouble } from './trouble.ts';

type Json = Record<string, unknown>;

/**
 * Whoever puts a finalizer on an object of ours has so long to do what they wait for. Then it is taken off: nobody else
 * decides how long a right of ours is there, and what is to come in its place cannot come before.
 */
const patienceMs = 2 * 60_000;

/** Of a finalizer's name that we print. */
const finalizerMax = 120;

/**
 * Removes an object of ours that is not wanted any more. Kubernetes lets bindings count until they are gone: what
 * cannot go gives nobody anything from now on. Null when it is gone.
 */
export async function takeAway(place: Collection, object: Json): Promise<Trouble | null> {
  const { left, error } = await deleted(place, object);
  if (!left) return error && troubleWith(error, `${named(place, object)} cannot be looked at`, 'more');
  const rest = await catching(() => replaced(place, left, emptied(place, left)));
  if (rest.found?.gone) return null;
  const isEmpty = rest.found !== null && givesNothing(place, rest.found.left);
  const still = isEmpty ? 'gives nobody anything any more' : 'still gives what was taken away';
  return stillThere({ place, object, left }, { still, gives: isEmpty ? 'nothing' : 'more' }, [
    error,
    rest.error,
  ]);
}

/** Removes an object of ours so that another one can come in its place. Null when it is gone. */
export async function makeWay(place: Collection, object: Json): Promise<Trouble | null> {
  const { left, error } = await deleted(place, object);
  if (!left) return error && troubleWith(error, `${named(place, object)} cannot be looked at`, 'other');
  const rest = await catching(() => replaced(place, left, left));
  if (rest.found?.gone) return null;
  return stillThere({ place, object, left }, { still: 'must be made anew', gives: 'other' }, [
    error,
    rest.error,
  ]);
}

/** What is left of it, and why. */
async function deleted(
  place: Collection,
  object: Json,
): Promise<{ left: Json | null; error: AppError | null }> {
  const { name, uid, deleting } = metadataOf(object);
  const asked = await catching(async () => (deleting ? undefined : deleteObject(place, name, uid)));
  const { found, error } = await catching(() => readObject(place, name));
  if (error) return { left: null, error };
  const isSame = found !== null && metadataOf(found).uid === uid;
  return { left: isSame ? found : null, error: isSame ? asked.error : null };
}

/** Writes `next` in the place of what is left, without the finalizers that have had their time. */
async function replaced(place: Collection, left: Json, next: Json): Promise<{ left: Json; gone: boolean }> {
  const { deleting, deletedAtMs } = metadataOf(left);
  const isOver = deleting && place.nowMs - deletedAtMs >= patienceMs;
  if (next === left && !isOver) return { left, gone: false };
  const metadata = { ...Object(next['metadata']), ...(isOver && { finalizers: [] }) };
  const found = await replaceObject(place, { ...next, metadata });
  if (!isOver) return { left: found, gone: false };
  // The answer to the write that lets it go still has what it was.
  const { name, uid } = metadataOf(left);
  const after = await readObject(place, name);
  return after && metadataOf(after).uid === uid ? { left: after, gone: false } : { left: found, gone: true };
}

/** The same where it is empty already. */
function emptied(place: Collection, left: Json): Json {
  if (givesNothing(place, left)) return left;
  const { aggregationRule: _rule, ...rest } = left;
  return { ...rest, [contentOf(place)]: [] };
}

function givesNothing(place: Collection, object: Json): boolean {
  const content = object[contentOf(place)];
  return !('aggregationRule' in object) && !(Array.isArray(content) && content.length > 0);
}

function contentOf({ kind }: Collection): 'rules' | 'subjects' {
  return kind === 'ClusterRole' ? 'rules' : 'subjects';
}

function stillThere(
  { place, object, left }: { place: Collection; object: Json; left: Json },
  { still, gives }: { still: string; gives: Trouble['gives'] },
  errors: readonly (AppError | null)[],
): Trouble {
  const { deleting, finalizers } = metadataOf(left);
  const holding = finalizers.map((one) => printable(one, finalizerMax)).join(', ');
  const waits = deleting ? ` is being removed and waits for the finalizer ${holding}` : ' cannot be removed';
  const what = `${named(place, object)}${waits}, and ${still}`;
  const error = errors.find((one) => one !== null) ?? null;
  if (error) return troubleWith(error, what, gives);
  return { words: clause(what), kind: deleting ? 'held' : 'refused', gives, error };
}
