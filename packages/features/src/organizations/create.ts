import type { organization } from '@hexabase/contract/organization.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { slugCandidates } from '../run/slug.ts';
import type { Context, UseCase } from '../run/use-case.ts';
import {
  countMadeBy,
  insertOrganization,
  insertOwner,
  toOrganization,
  widenScope,
  type NewOrganization,
  type OrganizationRow,
} from './store.ts';

/** Of one account, with those that it has handed over. Each has its own share of letters, workspaces and requests. */
const organizationsMax = 50;

/**
 * Makes an organization on the smallest plan, owned by the caller. Throws `slug_taken` for a slug asked for by name, and
 * `conflict` for too many; operators of the platform make as many as they need.
 */
export const createOrganization: UseCase<typeof organization.operations.create> = async (
  context,
  { body },
) => {
  const { tx, actor, nowMs } = context;
  if (!actor.platformRole && (await countMadeBy(tx, actor.userId)) >= organizationsMax) {
    throw new AppError('conflict', {
      message:
        `You have made ${organizationsMax} organizations; delete one that nobody needs. ` +
        'An operator of the platform can make more, and hand them over.',
    });
  }
  const id = newId<'Organization'>(nowMs);
  await widenScope(tx, id);
  const row = await insertWithSlug(context, body.slug, {
    id,
    name: body.name,
    plan: 'starter',
    billing_email: body.billingEmail ?? null,
    created_by: actor.userId,
    created_at: new Date(nowMs),
  });
  await insertOwner(tx, { organizationId: id, userId: actor.userId, createdAt: new Date(nowMs) });
  return { data: toOrganization(row, 'owner') };
};

async function insertWithSlug(
  { tx }: Context,
  asked: string | undefined,
  fields: Omit<NewOrganization, 'slug'>,
): Promise<OrganizationRow> {
  for (const slug of asked === undefined ? slugCandidates(fields.name, 'org') : [asked]) {
    const row = await insertOrganization(tx, { ...fields, slug });
    if (row) return row;
  }
  throw new AppError('slug_taken');
}
