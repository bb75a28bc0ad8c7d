import type { OrganizationId, SessionId, UserId } from './id.ts';

export type OrganizationRole = 'owner' | 'admin' | 'developer' | 'viewer';
export type PlatformRole = 'super_admin';

/** Who is asking. Built from a verified session on every request; roles come from the database, never from a token. */
export interface Actor {
  userId: UserId;
  email: string;
  sessionId: SessionId;
  platformRole: PlatformRole | null;
  memberships: readonly Membership[];
}

export interface Membership {
  organizationId: OrganizationId;
  role: OrganizationRole;
}

export function roleIn(actor: Actor, organizationId: OrganizationId): OrganizationRole | null {
  return actor.memberships.find((membership) => membership.organizationId === organizationId)?.role ?? null;
}
