import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { placeWorkspace, type PlacementRequest } from './placement.ts';
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
