import { newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { insertRole, listOwnRoles } from './store.ts';

/** Gives a new workspace the roles that another one has of its own; who holds them stays there. */
export async function copyRoles(
  tx: Tx,
  copy: { from: string; to: { id: string; organizationId: string }; by: string; nowMs: number },
): Promise<void> {
  for (const { scope, name, description, rules } of await listOwnRoles(tx, copy.from)) {
    await insertRole(tx, {
      id: newId<'Role'>(copy.nowMs),
      organizationId: copy.to.organizationId,
      workspaceId: copy.to.id,
      scope,
      name,
      description,
      rules: [...rules],
      createdBy: copy.by,
      createdAt: new Date(copy.nowMs),
    });
  }
}
