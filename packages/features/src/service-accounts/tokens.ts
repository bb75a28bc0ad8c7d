import type { serviceAccount } from '@hexabase/contract/people/service-account.ts';
import { requireRank } from '../members/public.ts';
import type { TargetContext, UseCase } from '../run/use-case.ts';
import { endToken, issueToken, listMachineTokenRows } from '../tokens/public.ts';
import { requireServiceAccount } from './find.ts';

type Operations = typeof serviceAccount.operations;

export const listServiceAccountTokens: UseCase<Operations['listTokens']> = async (
  context,
  { params, query },
) => listMachineTokenRows(context.tx, await ownerOf(context, params.serviceAccount), query);

/** Throws as making a token for oneself does; nobody gets a token of an account above their own role. */
export const createServiceAccountToken: UseCase<Operations['createToken']> = async (
  context,
  { params, body },
) => {
  return { data: await issueToken(context, await ownerOf(context, params.serviceAccount), body) };
};

export const revokeServiceAccountToken: UseCase<Operations['revokeToken']> = async (context, { params }) => {
  await endToken(context, await ownerOf(context, params.serviceAccount), params.token);
  return { data: null };
};

async function ownerOf(context: TargetContext, reference: string) {
  const found = await requireServiceAccount(context, reference);
  requireRank(context.role, found.role);
  context.note({ serviceAccount: found.name });
  return { userId: found.id, organizationId: found.organizationId };
}
