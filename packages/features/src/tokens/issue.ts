import { tokenDaysMax, type NewToken, type TokenBody } from '@hexabase/contract/people/token.ts';
import { newApiToken } from '@hexabase/kernel/api-token.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { organizationsWith, workspaceInScope } from '../run/resolve.ts';
import type { Context } from '../run/use-case.ts';
import { countTokens, endTokenRow, insertToken, type TokenOwner } from './store.ts';

/** Tokens of one owner that work at the same time. */
const tokensMax = 50;
/** Tokens that one owner is given within an hour. */
const tokensPerHour = 30;
const unitMs = { h: 3_600_000, d: 86_400_000 } as const;

/** Makes a token for its owner; the answer is the only place where it ever stands. */
export async function issueToken(context: Context, owner: TokenOwner, asked: TokenBody): Promise<NewToken> {
  const { tx, actor, nowMs } = context;
  const expiresAt = new Date(nowMs + lifetimeMs(asked.expires));
  const workspaceId = await workspaceOf(context, owner, asked.scope);
  await requireRoom(context, owner);
  const made = newApiToken(owner.organizationId === null ? 'pat' : 'sat');
  const row = await insertToken(tx, owner, {
    id: newId(nowMs),
    name: asked.name,
    scope: workspaceId === null ? asked.scope : 'workspace',
    workspaceId,
    tokenHash: made.hash,
    createdBy: actor.userId,
    createdAt: new Date(nowMs),
    expiresAt,
  });
  if (!row) throw new AppError('already_exists', { message: `There is a token ${asked.name} already.` });
  context.note({ name: row.name, scope: row.scope, expiresAt: row.expiresAt });
  return { ...row, token: made.token };
}

/** Throws `not_found`. The gateways hear of it at the commit and end what the token opened. */
export async function endToken(context: Context, owner: TokenOwner, nameOrId: string): Promise<void> {
  const name = await endTokenRow(context.tx, owner, { nameOrId, at: new Date(context.nowMs) });
  if (name === null) throw new AppError('not_found');
  context.note({ name });
}

function lifetimeMs(text: string): number {
  const ms = Number(text.slice(0, -1)) * unitMs[text.endsWith('h') ? 'h' : 'd'];
  if (ms <= tokenDaysMax * unitMs.d) return ms;
  throw new AppError('validation_failed', {
    details: { fields: [{ path: 'expires', message: `use ${tokenDaysMax}d at most` }] },
  });
}

/** Null for a scope that names no workspace. Throws `not_found`, also for one into which a grant lets for some hours. */
async function workspaceOf({ tx, actor }: Context, owner: TokenOwner, scope: string): Promise<string | null> {
  const own = { ...actor, memberships: actor.memberships.filter(({ grant }) => !grant) };
  const mine = await organizationsWith(tx, { actor: own, action: 'workspace:read', named: undefined });
  const within = mine.filter((id) => owner.organizationId === null || id === owner.organizationId);
  return workspaceInScope(tx, scope, within);
}

async function requireRoom({ tx, nowMs }: Context, owner: TokenOwner): Promise<void> {
  const { live, lately } = await countTokens(tx, owner, {
    now: new Date(nowMs),
    since: new Date(nowMs - unitMs.h),
  });
  if (lately >= tokensPerHour) {
    throw new AppError('rate_limited', {
      message: `At most ${tokensPerHour} tokens are made within an hour.`,
      details: { retryAfterSeconds: unitMs.h / 1000 },
    });
  }
  if (live >= tokensMax) {
    throw new AppError('conflict', {
      message: `There are ${tokensMax} tokens already; revoke those that nobody uses.`,
    });
  }
}
