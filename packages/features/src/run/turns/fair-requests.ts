import type { OperationCall } from '@hexabase/contract/call.ts';
import type { Actor } from '@hexabase/kernel/actor.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import { createTurns, type Share, type Turns } from '@hexabase/kernel/process/turns.ts';
import { defaultPoolSizes } from '@hexabase/postgres/role-pool.ts';

/** Connections of requests that one account, and one organization, may keep busy at once in this process. */
const accountMost = Math.floor(defaultPoolSizes.api / 2);
const organizationMost = defaultPoolSizes.api - 3;
/** Of requests that may take long: for one organization, and for all together. */
const heavyMost = { organization: 2, all: 4 };

/** What a request asks for once it is known which organization it is about. */
export interface OwnTurn {
  /** Throws when the organization has all of its share; the request is then run again when its turn has come. */
  of(organizationId: OrganizationId): void;
}

/** Requests of one process, which share the connections to the database. */
export interface FairRequests {
  /** Runs a request when its turn has come. It may be run twice: nothing may stay of a run that threw. */
  run<T>(call: OperationCall, actor: Actor, request: (turn: OwnTurn) => Promise<T>): Promise<T>;
  /** One piece of what may take long, for an organization. */
  runHeavy<T>(organizationId: OrganizationId, piece: () => Promise<T>): Promise<T>;
}

class NotYourTurn extends Error {
  readonly shares: readonly Share[];
  constructor(shares: readonly Share[]) {
    super('the organization has all of its share of connections');
    this.shares = shares;
  }
}

/**
 * Nobody takes all connections: neither one account nor one organization, however slow what they ask for is. Whose share
 * is used up waits for their own requests, up to five seconds, and is refused with `rate_limited` then. Which organization a
 * request is about is known only inside its transaction: it ends that, waits without a connection, and begins again.
 */
export function createFairRequests(): FairRequests {
  const turns = createTurns();
  return {
    async run(call, actor, request) {
      using _account = await turns.take([{ key: `account ${actor.userId}`, most: accountMost }]);
      try {
        return await runOnce(turns, { call, held: null }, request);
      } catch (error) {
        if (!(error instanceof NotYourTurn)) throw error;
        const held = await turns.take(error.shares);
        return await runOnce(turns, { call, held }, request);
      }
    },
    async runHeavy(organizationId, piece) {
      using _turn = await turns.take(heavyShares(organizationId));
      return await piece();
    },
  };
}

interface Once {
  call: OperationCall;
  held: Disposable | null;
}

async function runOnce<T>(
  turns: Turns,
  { call, held }: Once,
  request: (turn: OwnTurn) => Promise<T>,
): Promise<T> {
  using resources = new DisposableStack();
  if (held) resources.use(held);
  let asked = held !== null;
  return await request({
    of(organizationId) {
      // The database repeats a transaction that lost a deadlock: one turn is enough for it.
      if (asked) return;
      const shares = [
        { key: `organization ${organizationId}`, most: organizationMost },
        ...(call.operation.heavy ? heavyShares(organizationId) : []),
      ];
      const turn = turns.tryTake(shares);
      if (!turn) throw new NotYourTurn(shares);
      asked = true;
      resources.use(turn);
    },
  });
}

function heavyShares(organizationId: OrganizationId): Share[] {
  return [
    { key: `heavy ${organizationId}`, most: heavyMost.organization },
    { key: 'heavy', most: heavyMost.all },
  ];
}
