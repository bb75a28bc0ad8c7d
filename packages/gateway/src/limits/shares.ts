import type { Share } from '@hexabase/kernel/process/turns.ts';

/** How many of something one account, one workspace, one organization and all together may have at once in this process. */
interface PerTaker {
  account: number;
  workspace: number;
  organization: number;
  all: number;
}

export interface GatewayLimits {
  /** Requests in flight. */
  short: PerTaker;
  /** Watches, followed logs and shells that are open. */
  long: PerTaker;
  /** Requests that wait for their workspace to wake; each may have up to 64 KiB of its body with us. */
  held: PerTaker;
  /** Milliseconds that one of them waits. */
  heldMs: number;
}

/**
 * An API server takes 400 reads and 200 writes; a workspace has as many here. One account has half of that, whatever else it
 * is in, so that nobody keeps their colleagues out; an organization has part of the whole, however many workspaces it has.
 */
export const defaultLimits: GatewayLimits = {
  short: { account: 300, workspace: 600, organization: 1_200, all: 3_600 },
  long: { account: 2_500, workspace: 5_000, organization: 10_000, all: 20_000 },
  held: { account: 100, workspace: 200, organization: 400, all: 2_000 },
  heldMs: 60_000,
};

/** Who asks, and for what. */
export interface Taker {
  userId: string;
  workspaceId: string;
  organizationId: string;
}

export function sharesOf(
  what: Exclude<keyof GatewayLimits, 'heldMs'>,
  { userId, workspaceId, organizationId }: Taker,
  limits: GatewayLimits,
): Share[] {
  const most = limits[what];
  return [
    { key: `${what} account ${userId}`, most: most.account },
    { key: `${what} workspace ${workspaceId}`, most: most.workspace },
    { key: `${what} organization ${organizationId}`, most: most.organization },
    { key: what, most: most.all },
  ];
}
