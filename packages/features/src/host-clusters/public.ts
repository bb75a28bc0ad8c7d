import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { placeWorkspace, whyNoLargerPlan, type PlacementRequest } from './placement.ts';
import { holdPlacement, readHostRoom } from './store.ts';

export { readHostSight } from './store.ts';

/** Where a new workspace goes: null is the driver that is built in. */
export interface ChosenPlace {
  hostClusterId: string | null;
  region: string;
}

/**
 * Chooses the host cluster of a new workspace; its place is taken when the workspace's row is written in the same
 * transaction. Throws `unknown_region` and `no_capacity`.
 */
export async function takePlace(
  tx: Tx,
  request: PlacementRequest,
  builtInRegion: string,
): Promise<ChosenPlace> {
  let hosts = await readHostRoom(tx);
  if (hosts.length > 0) {
    // Two requests must not both take the last place.
    await holdPlacement(tx);
    hosts = await readHostRoom(tx);
  }
  const place = placeWorkspace(request, { hosts, builtInRegion });
  switch (place.kind) {
    case 'built-in':
      return { hostClusterId: null, region: place.region };
    case 'host':
      return { hostClusterId: place.host.id, region: place.region };
    case 'refused':
      throw new AppError(place.code, { message: place.message, details: { ...place.details } });
  }
}

/**
 * Makes sure that a workspace can have another plan where it lives; its room is taken when the row is written in the same
 * transaction. Throws `no_capacity`.
 */
export async function holdRoomForPlan(
  tx: Tx,
  hostClusterId: string | null,
  sizes: { before: PlacementRequest['size']; after: PlacementRequest['size']; plan: string },
): Promise<void> {
  if (hostClusterId === null) return;
  await holdPlacement(tx);
  const host = (await readHostRoom(tx)).find(({ id }) => id === hostClusterId);
  const lacks = host ? whyNoLargerPlan(host, sizes) : null;
  if (lacks === null) return;
  throw new AppError('no_capacity', {
    message: `The plan ${sizes.plan} needs ${lacks}, and the host cluster of this workspace has no room for that. Its operator can raise the limit, or choose a smaller plan.`,
    details: { plan: sizes.plan },
  });
}
