/** How much may wait in memory to be written, and how much of it for one organization. */
export interface Room {
  /** Whether something more of an organization may be begun that has to be recorded. */
  has(organizationId: string): boolean;
  take(organizationId: string, bytes: number): void;
  give(organizationId: string, bytes: number): void;
}

interface Taken {
  entries: number;
  bytes: number;
}

const most: Taken = { entries: 20_000, bytes: 32 * 1024 * 1024 };
/** One part in so many is an organization's: its flood refuses it, before anybody else. */
const shares = 4;

/**
 * What was let in before is recorded all the same: so much more than the most can wait as there are requests under way,
 * which have limits of their own.
 */
export function boundedRoom(): Room {
  const all: Taken = { entries: 0, bytes: 0 };
  const own = new Map<string, Taken>();
  return {
    has(organizationId) {
      if (all.entries >= most.entries || all.bytes >= most.bytes) return false;
      const taken = own.get(organizationId);
      if (!taken) return true;
      return taken.entries < most.entries / shares && taken.bytes < most.bytes / shares;
    },
    take(organizationId, bytes) {
      const taken = own.get(organizationId) ?? { entries: 0, bytes: 0 };
      own.set(organizationId, taken);
      for (const sum of [all, taken]) {
        sum.entries += 1;
        sum.bytes += bytes;
      }
    },
    give(organizationId, bytes) {
      const taken = own.get(organizationId);
      if (!taken) return;
      for (const sum of [all, taken]) {
        sum.entries -= 1;
        sum.bytes -= bytes;
      }
      if (taken.entries === 0) own.delete(organizationId);
    },
  };
}
