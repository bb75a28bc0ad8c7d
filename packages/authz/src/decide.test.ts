import { actions } from '@hexabase/contract/action.ts';
import type { Actor, OrganizationRole } from '@hexabase/kernel/actor.ts';
import { newId, type OrganizationId } from '@hexabase/kernel/id.ts';
import { describe, expect, it } from 'vitest';
import { decide, mayAssignRole } from './decide.ts';
import { matrix, matrixText } from './matrix.ts';

const ours = newId<'Organization'>();
const theirs = newId<'Organization'>();

function actorWith(role: OrganizationRole | null, extra: Partial<Actor> = {}): Actor {
  return {
    userId: newId(),
    email: 'a@example.test',
    sessionId: newId(),
    platformRole: null,
    memberships: role === null ? [] : [{ organizationId: ours, role }],
    ...extra,
  };
}

describe('decide', () => {
  it('lets no role do anything in an organization of somebody else', () => {
    for (const role of ['owner', 'admin', 'developer', 'viewer'] as const) {
      for (const action of actions) {
        expect(decide(actorWith(role), action, { organizationId: theirs })).toEqual({
          allowed: false,
          reason: 'invisible',
        });
      }
    }
  });

  it('gives a super admin no tenant data', () => {
    const superAdmin = actorWith(null, { platformRole: 'super_admin' });
    for (const action of actions)
      expect(decide(superAdmin, action, { organizationId: ours }).allowed).toBe(false);
    expect(decide(superAdmin, 'plan:manage', { organizationId: null }).allowed).toBe(true);
  });

  it.each<[OrganizationRole, OrganizationId, boolean]>([
    ['viewer', ours, false],
    ['developer', ours, false],
    ['admin', ours, true],
    ['owner', ours, true],
  ])('as %s decides on creating workspaces', (role, organizationId, allowed) => {
    expect(decide(actorWith(role), 'workspace:create', { organizationId }).allowed).toBe(allowed);
  });

  it('lets nobody hand out a role above their own', () => {
    expect(mayAssignRole('admin', 'owner')).toBe(false);
    expect(mayAssignRole('admin', 'admin')).toBe(true);
    expect(mayAssignRole('owner', 'owner')).toBe(true);
  });

  it('has a row for every operation, and every action that a tenant can meet is given to its owner', () => {
    const rows = matrix();
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) {
      const isPlatform = row.operation.access.kind === 'platform';
      expect(row.verdicts.owner).toBe(isPlatform ? 403 : 'ok');
    }
    expect(matrixText()).toContain('workspace.create');
  });
});
