import { isDeepStrictEqual } from 'node:util';
import type { role } from '@hexabase/contract/access/role.ts';
import { wakeAccess } from '../access/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireHarmless, requireOwnRole, requireRoom, revokeHolders } from './rules.ts';
import { changeRole } from './store.ts';

/** Throws `escalation_refused`, and `conflict` for a role that every workspace has and where rules become too long. */
export const updateRole: UseCase<typeof role.operations.update> = async (context, { params, body }) => {
  const { tx, target } = context;
  const found = await requireOwnRole(context, params.role);
  const rules = body.rules ?? found.rules;
  const isOther = !isDeepStrictEqual(rules, found.rules);
  if (body.rules) await requireHarmless(context, { scope: found.scope, rules });
  await requireRoom(context, { rules, before: found.rules });
  const id = found.id ?? '';
  await changeRole(tx, id, { description: body.description ?? found.description, rules });
  // A description is nothing that the cluster has, or that a token depends on.
  if (isOther) {
    await revokeHolders(context, id);
    context.note({ name: found.name, rulesBefore: found.rules, rulesAfter: rules });
    await wakeAccess(tx, [target.id]);
  }
  return { data: await requireOwnRole(context, id) };
};
