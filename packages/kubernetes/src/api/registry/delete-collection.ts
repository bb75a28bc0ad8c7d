import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Call } from '../deps.ts';
import { StatusError } from '../status-error.ts';
import { deleteObject, type DeleteRequest } from './delete.ts';
import { listObjects, type ObjectList } from './list.ts';

const deletionsAtOnce = 50;

/** Deletes all that a list with these selectors shows. What is gone meanwhile counts as deleted. Answers that list. */
export async function deleteCollection(
  call: Call,
  query: URLSearchParams,
  request: DeleteRequest,
): Promise<ObjectList> {
  const list = listObjects(call, query);
  const items = [...list.page.items];
  for (let start = 0; start < items.length; start += deletionsAtOnce) {
    const batch = items.slice(start, start + deletionsAtOnce);
    await Promise.all(
      batch.map((object) =>
        deleteOne(
          { ...call, namespace: object.metadata.namespace ?? '', name: object.metadata.name },
          request,
        ),
      ),
    );
    await nextTurn();
  }
  return list;
}

async function deleteOne(call: Call, request: DeleteRequest): Promise<void> {
  try {
    await deleteObject(call, request);
  } catch (error) {
    if (!(error instanceof StatusError) || error.status.code !== 404) throw error;
  }
}
