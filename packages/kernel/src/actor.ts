import type { OrganizationId, SessionId, UserId, WorkspaceId } from './id.ts';

/** Upward from `viewer` each has everything of the one before; `billing` stands beside them. */
export type OrganizationRole = 'owner' | 'admin' | 'developer' | 'viewer' | 'billing';
export type PlatformRole = 'super_admin';

/** Who is asking. Built from a verified session on every request; roles come from the database, never from a token. */
export interface Actor {
  userId: UserId;
  email: string;
  /** Of a program with an API token: the id of that. */
  sessionId: SessionId;
  platformRole: PlatformRole | null;
  memberships: readonly Membership[];
  /** Organizations that ask their members for a second factor, which this session was started without. Absent: none. */
  withheld?: readonly Membership[];
  /** Absent for people who are signed in themselves. */
  token?: ActorToken;
}

/** The API token that a program uses, which narrows what its owner may do. */
export interface ActorToken {
  name: string;
  scope: TokenScope;
  /** RFC 3339. What it is exchanged for ends with it. */
  expiresAt: string;
}

/** `read` looks only; `write` also changes workspaces and projects; a workspace: all that, within this one. */
export type TokenScope = 'read' | 'write' | { workspaceId: WorkspaceId };

export interface Membership {
  organizationId: OrganizationId;
  role: OrganizationRole;
  /** Of an operator of the platform who is no member and was let in for some hours. */
  grant?: MembershipGrant;
}

export interface MembershipGrant {
  id: string;
  /** RFC 3339. */
  expiresAt: string;
}

/** What lets the actor into an organization, a grant included. */
export function membershipIn(actor: Actor, organizationId: string): Membership | null {
  return actor.memberships.find((membership) => membership.organizationId === organizationId) ?? null;
}
