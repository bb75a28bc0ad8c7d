import type { Operation } from '@hexabase/contract/operation.ts';
import { aHostCluster } from './api/host-cluster-bodies.ts';

type Body = Readonly<Record<string, unknown>>;

const fresh = (): string => crypto.randomUUID().slice(0, 8);

/** A valid body for each operation that takes one and gives no example; `things` are ids that it may name. */
const bodies: Record<string, (things: Readonly<Record<string, string>>) => Body> = {
  'access.view-as': ({ userId }) => ({ user: userId }),
  'assignment.create': ({ userId }) => ({ role: 'viewer', user: userId }),
  'federation.create': ({ serviceAccount }) => ({
    name: `f-${fresh()}`,
    serviceAccount: serviceAccount ?? 'none',
    issuer: 'https://ci.example.test',
    audience: 'https://hexabase.example.test',
    conditions: ['repository=acme/shop'],
    scope: 'read',
  }),
  'grant.break-glass': ({ organization }) => ({ organization, reason: 'A test of what this needs' }),
  'grant.create': () => ({ operator: 'operator@example.test', reason: 'A test of what this needs' }),
  'group.add-member': ({ userId }) => ({ user: userId }),
  'host-cluster.add': () => ({ ...aHostCluster(), name: `h-${fresh()}` }),
  'invitation.accept': ({ received }) => ({ invitation: received ?? 'hks_inv_none' }),
  'invitation.create': () => ({ email: `${fresh()}@example.test` }),
  'invitation.decline': ({ received }) => ({ invitation: received ?? 'hks_inv_none' }),
  'member.add': ({ outsider }) => ({ email: outsider ?? 'viewer@example.test' }),
  'member.update': () => ({ role: 'viewer' }),
  'organization.create': () => ({ name: 'One more' }),
  'organization.transfer': ({ userId }) => ({ to: userId }),
  'organization.update': () => ({ name: 'Renamed' }),
  'project.create': () => ({ name: `p-${fresh()}` }),
  'second-factor.reset': ({ memberEmail }) => ({ email: memberEmail ?? 'nobody@example.test' }),
  'workspace.create': ({ organization }) => ({ name: 'One more', organization }),
  'workspace.update': () => ({ description: crypto.randomUUID() }),
};

/** What a caller may send. Throws for a new operation until it is given a body here or an example in the contract. */
export function validBody(operation: Operation, things: Readonly<Record<string, string>> = {}): Body {
  const body = bodies[operation.id]?.(things) ?? operation.example;
  if (!body) throw new Error(`say here or in the contract what ${operation.id} takes`);
  return body;
}
